"""`facegan compare`: show runs side by side on one page."""

import argparse
from pathlib import Path

from facegan_tf.commands.arguments import Verbs


def add_to(verbs: Verbs) -> argparse.ArgumentParser:
    """Add the command's parser."""
    verb = verbs.add_parser("compare", help="show runs side by side on one page: scores, curves, grids")
    verb.add_argument("runs", nargs="+", metavar="RUN", help="two or more run directories")
    verb.add_argument(
        "--out",
        type=Path,
        default=Path("outputs/compare.html"),
        metavar="FILE.html",
        help="file to create (default: outputs/compare.html)",
    )
    return verb


def run(options: argparse.Namespace) -> None:
    """Write the page."""
    from facegan_tf.report.compare import write_comparison

    write_comparison(options.runs, options.out)
