"""`facegan sample`: draw faces with a trained generator."""

import argparse
from pathlib import Path

from facegan_tf.commands.arguments import Verbs, add_model, add_state
from facegan_tf.common.tensorflow_start import start_tensorflow


def add_to(verbs: Verbs) -> argparse.ArgumentParser:
    """Add the command's parser."""
    verb = verbs.add_parser("sample", help="draw faces: one PNG for each, and a grid of all")
    add_model(verb)
    verb.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to create")
    verb.add_argument("--count", type=int, default=36, metavar="N", help="number of faces (default: 36)")
    verb.add_argument("--seed", type=int, default=0, metavar="S", help="seeds S to S+N-1 (default: 0)")
    verb.add_argument(
        "--truncation",
        type=float,
        default=1.0,
        metavar="T",
        help="multiply the latents by T, above 0 and up to 1 (default); lower is more typical, less varied",
    )
    add_state(verb)
    return verb


def run(options: argparse.Namespace) -> None:
    """Draw the faces and write the pictures."""
    start_tensorflow()
    from facegan_tf.run.restore import RunState
    from facegan_tf.serving.sampling import write_samples

    state = RunState(options.checkpoint, options.weights)
    write_samples(options.model, options.out, options.count, options.seed, options.truncation, state)
