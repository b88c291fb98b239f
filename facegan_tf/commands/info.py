"""`facegan info`: show layers, parameters, FLOPs and memory."""

import argparse
import json
import sys
from pathlib import Path

from facegan_tf.commands.arguments import Verbs
from facegan_tf.common.tensorflow_start import start_tensorflow


def add_to(verbs: Verbs) -> argparse.ArgumentParser:
    """Add the command's parser."""
    verb = verbs.add_parser("info", help="show layers, parameters, FLOPs and memory")
    verb.add_argument("path", metavar="CONFIG_OR_RUN", help="a YAML file or a run directory")
    verb.add_argument("--json", action="store_true", help="print JSON")
    verb.add_argument("--plot", type=Path, metavar="FILE.png", help="also draw both nets into this file")
    return verb


def run(options: argparse.Namespace) -> None:
    """Print the description of both networks, and draw them for `--plot`."""
    from facegan_tf.common.files import refuse_existing, writable_parent

    if options.plot is not None:
        refuse_existing(options.plot, "plot")
        writable_parent(options.plot, "plot")
    start_tensorflow()
    from facegan_tf.report.info import describe, format_description

    facts = describe(options.path)
    if options.plot is not None:
        from facegan_tf.report.network_plot import save_network_plot

        save_network_plot(options.plot, facts)
        print(f"{options.plot}: both nets, layer by layer", file=sys.stderr)
    print(json.dumps(facts, indent=2) if options.json else format_description(facts))
