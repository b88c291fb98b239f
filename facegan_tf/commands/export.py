"""`facegan export`: export the generator as a SavedModel, as ONNX, or as a web page."""

import argparse
import sys
from pathlib import Path

from facegan_tf.commands.arguments import Verbs, add_state
from facegan_tf.common.files import folder_bytes
from facegan_tf.common.tensorflow_start import start_tensorflow


def add_to(verbs: Verbs) -> argparse.ArgumentParser:
    """Add the command's parser."""
    verb = verbs.add_parser("export", help="export the generator for serving: SavedModel, ONNX or a web page")
    verb.add_argument("run", type=Path, metavar="RUN", help="a run directory")
    verb.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to create")
    verb.add_argument(
        "--format",
        choices=("savedmodel", "onnx", "web"),
        default="savedmodel",
        help="savedmodel (default): for TensorFlow and its servers; onnx: for ONNX Runtime and others; "
        "web: a page that draws the faces in the browser, for any static web server. The last two need "
        "facegan_tf[onnx]",
    )
    verb.add_argument(
        "--runtime",
        type=Path,
        metavar="FOLDER",
        help="for web: the folder dist of npm's onnxruntime-web, to copy the runtime beside the page "
        "(default: browsers load it from a CDN)",
    )
    add_state(verb)
    return verb


def run(options: argparse.Namespace) -> None:
    """Write the export."""
    start_tensorflow()
    from facegan_tf.run.restore import RunState
    from facegan_tf.serving.export import export_run

    state = RunState(options.checkpoint, options.weights)
    step = export_run(options.run, options.out, options.format, state, options.runtime)
    size = folder_bytes(options.out) / 1e6
    print(
        f"{options.out}: the generator at step {step}, {size:.1f} MB; README.md describes it", file=sys.stderr
    )
    if options.format == "web":
        command = f"python3 -m http.server --bind 127.0.0.1 --directory {options.out}"
        print(f"to see it: {command}", file=sys.stderr)
