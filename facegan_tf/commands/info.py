"""`facegan info`: describe networks, or a store."""

import argparse
import json
import sys
from pathlib import Path

from facegan_tf.commands.arguments import Verbs
from facegan_tf.common.tensorflow_start import start_tensorflow


def add_to(verbs: Verbs) -> argparse.ArgumentParser:
    """Add the command's parser."""
    verb = verbs.add_parser("info", help="describe the networks of a config or a run, or a store")
    verb.add_argument("path", metavar="CONFIG_RUN_OR_STORE", help="a YAML file, a run directory, or a store")
    verb.add_argument("--json", action="store_true", help="print JSON")
    verb.add_argument(
        "--plot",
        type=Path,
        metavar="FILE.png",
        help="also draw both nets, or faces from the store, into this file",
    )
    return verb


def run(options: argparse.Namespace) -> None:
    """Print the description, and draw the networks or faces for `--plot`."""
    from facegan_tf.common.files import refuse_existing, writable_parent

    if options.plot is not None:
        refuse_existing(options.plot, "plot")
        writable_parent(options.plot, "plot")
    from facegan_tf.data.manifest import is_store

    if is_store(Path(options.path)):
        _print_store(options)
        return
    start_tensorflow()
    from facegan_tf.report.info import describe, format_description

    facts = describe(options.path)
    if options.plot is not None:
        from facegan_tf.report.network_plot import save_network_plot

        save_network_plot(options.plot, facts)
        print(f"{options.plot}: both nets, layer by layer", file=sys.stderr)
    print(json.dumps(facts, indent=2) if options.json else format_description(facts))


def _print_store(options: argparse.Namespace) -> None:
    from facegan_tf.report.store import contact_sheet, describe_store, format_store

    facts = describe_store(options.path)
    if options.plot is not None:
        start_tensorflow()
        from facegan_tf.common.images import save_png

        save_png(options.plot, contact_sheet(options.path))
        print(f"{options.plot}: faces from the store", file=sys.stderr)
    print(json.dumps(facts, indent=2) if options.json else format_store(facts))
