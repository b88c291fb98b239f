"""`facegan cache`: list or remove what is in the cache."""

import argparse
import sys

from facegan_tf.commands.arguments import CACHE, Verbs


def add_to(verbs: Verbs) -> argparse.ArgumentParser:
    """Add the command's parser."""
    verb = verbs.add_parser(
        "cache", help="list or remove prepared stores and features that are kept for later"
    )
    verb.add_argument("--cache", default=CACHE, metavar="DIR", help=f"default: {CACHE}")
    verb.add_argument(
        "--clear",
        dest="names",
        nargs="+",
        metavar="NAME",
        help="remove the entries with these names, or all of them (--clear all); they are made again when "
        "they are needed",
    )
    return verb


def run(options: argparse.Namespace) -> None:
    """Print what is in the cache; for `--clear`, print the entries to remove, and remove them."""
    from facegan_tf.data.cache import as_table, entries_named, list_cache

    if options.names is None:
        print(as_table(list_cache(options.cache)))
        return
    entries = entries_named(options.cache, options.names)
    for entry in entries:
        if entry.in_use:
            print(f"{entry.name} is being prepared, so it is kept", file=sys.stderr)
    superfluous = [entry for entry in entries if not entry.in_use]
    print(f"removing from {options.cache}:", file=sys.stderr)
    print(as_table(superfluous), flush=True)
    for entry in superfluous:
        entry.remove()
