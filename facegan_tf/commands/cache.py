"""`facegan cache`: list or remove what is kept for later."""

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
        nargs="*",
        metavar="NAME",
        help="remove these, or all without names; what is removed is made again when it is needed",
    )
    return verb


def run(options: argparse.Namespace) -> None:
    """Print what is in the cache, or remove it and print what was removed."""
    from facegan_tf.data.cache import as_table, clear_cache, list_cache

    if options.names is None:
        print(as_table(list_cache(options.cache)))
    else:
        removed = clear_cache(options.cache, options.names)
        print(as_table(removed))
        print(f"removed from {options.cache}", file=sys.stderr)
