"""`facegan prepare`: turn photos into a store for training."""

import argparse
from pathlib import Path

from facegan_tf.commands.arguments import Verbs


def add_to(verbs: Verbs) -> argparse.ArgumentParser:
    """Add the command's parser."""
    verb = verbs.add_parser("prepare", help="turn photos into a store for training")
    verb.add_argument(
        "source",
        metavar="SOURCE",
        help="a folder (searched recursively), a zip (read in place), or synthetic[:N] (drawn faces)",
    )
    verb.add_argument("--out", type=Path, required=True, metavar="STORE", help="folder to create")
    verb.add_argument(
        "--size", type=int, required=True, metavar="S", help="height and width of a face, 8 to 1024 pixels"
    )
    verb.add_argument(
        "--crop",
        default="square",
        metavar="CROP",
        help="square (the largest, centred; default), center:N, or box:L,T,R,B, in pixels of the photo",
    )
    verb.add_argument("--limit", type=int, metavar="N", help="keep only the first N good images by name")
    verb.add_argument("--workers", type=int, metavar="N", help="processes (default: one for each core)")
    verb.add_argument(
        "--max-rejected",
        type=float,
        default=0.5,
        metavar="SHARE",
        help="exit with code 2 if a larger share of the files is bad, 0 to 1 (default: 0.5); the store of "
        "the good ones is kept",
    )
    return verb


def run(options: argparse.Namespace) -> None:
    """Prepare the store."""
    from facegan_tf.data.prepare import prepare

    prepare(
        options.source,
        options.out,
        options.size,
        options.crop,
        options.limit,
        workers=options.workers,
        max_rejected=options.max_rejected,
    )
