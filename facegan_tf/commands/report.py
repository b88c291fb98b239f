"""`facegan report`: show a run on one page."""

import argparse
from pathlib import Path

from facegan_tf.commands.arguments import Verbs


def add_to(verbs: Verbs) -> argparse.ArgumentParser:
    """Add the command's parser."""
    verb = verbs.add_parser("report", help="show a run on one page: pictures, curves, scores, settings")
    verb.add_argument("run", metavar="RUN", help="a run directory")
    verb.add_argument(
        "--out", type=Path, metavar="FILE.html", help="file to write (default: report.html in the run)"
    )
    return verb


def run(options: argparse.Namespace) -> None:
    """Write the page."""
    from facegan_tf.report.report import write_report

    write_report(options.run, options.out)
