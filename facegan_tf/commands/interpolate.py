"""`facegan interpolate`: make a GIF that turns one face into the next."""

import argparse
from pathlib import Path

from facegan_tf.commands.arguments import Verbs, add_model, add_state
from facegan_tf.common.errors import InputError
from facegan_tf.common.tensorflow_start import start_tensorflow


def add_to(verbs: Verbs) -> argparse.ArgumentParser:
    """Add the command's parser."""
    verb = verbs.add_parser("interpolate", help="make a GIF that turns one face into the next")
    add_model(verb)
    verb.add_argument("--out", type=Path, required=True, metavar="FILE.gif", help="file to create")
    verb.add_argument(
        "--seeds",
        required=True,
        metavar="A,B,...",
        help="seeds of the faces to pass through; the GIF returns to the first",
    )
    verb.add_argument(
        "--frames", type=int, default=24, metavar="N", help="frames from one face to the next (default: 24)"
    )
    add_state(verb)
    return verb


def run(options: argparse.Namespace) -> None:
    """Write the GIF."""
    try:
        seeds = [int(seed) for seed in options.seeds.split(",")]
    except ValueError:
        problem = "must be whole numbers separated by commas, such as 1,2,3"
        raise InputError("seeds", options.seeds, problem) from None
    start_tensorflow()
    from facegan_tf.run.restore import RunState
    from facegan_tf.serving.sampling import write_interpolation

    state = RunState(options.checkpoint, options.weights)
    write_interpolation(options.model, options.out, seeds, options.frames, state)
