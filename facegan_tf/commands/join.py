"""`facegan join`: join the parts of a store that several jobs prepared."""

import argparse
import sys
from pathlib import Path

from facegan_tf.commands.arguments import Verbs, add_dedupe


def add_to(verbs: Verbs) -> argparse.ArgumentParser:
    """Add the command's parser."""
    verb = verbs.add_parser("join", help="join the parts of a store that several jobs have prepared")
    verb.add_argument(
        "stores",
        type=Path,
        nargs="+",
        metavar="STORE",
        help="all parts made by `facegan prepare --part I/N`, in any order",
    )
    verb.add_argument("--out", type=Path, required=True, metavar="STORE", help="folder to create")
    add_dedupe(verb)
    return verb


def run(options: argparse.Namespace) -> None:
    """Join the stores."""
    from facegan_tf.data.join import join

    store = join(options.stores, options.out, options.dedupe)
    print(
        f"{store.folder}: {len(store)} faces of {len(options.stores)} parts, "
        f"fingerprint {store.fingerprint[:12]}",
        file=sys.stderr,
    )
