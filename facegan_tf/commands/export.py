"""`facegan export`: export the generator as a SavedModel for serving."""

import argparse
import sys
from pathlib import Path

from facegan_tf.commands.arguments import Verbs, add_state
from facegan_tf.common.tensorflow_start import start_tensorflow


def add_to(verbs: Verbs) -> argparse.ArgumentParser:
    """Add the command's parser."""
    verb = verbs.add_parser("export", help="export the generator as a SavedModel for serving")
    verb.add_argument("run", type=Path, metavar="RUN", help="a run directory")
    verb.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to create")
    add_state(verb)
    return verb


def run(options: argparse.Namespace) -> None:
    """Write the SavedModel."""
    start_tensorflow()
    from facegan_tf.run.restore import RunState, restore_run
    from facegan_tf.serving.export import export_savedmodel

    gan, _ = restore_run(options.run, options.checkpoint)
    state = RunState(options.checkpoint, options.weights)
    export_savedmodel(state.net_of(gan), options.out)
    print(f"{options.out}: the generator at step {gan.steps_done}", file=sys.stderr)
