"""`facegan serve`: show faces in the browser, and draw them for other programs."""

import argparse

from facegan_tf.commands.arguments import Verbs, add_model, add_state
from facegan_tf.common.tensorflow_start import start_tensorflow


def add_to(verbs: Verbs) -> argparse.ArgumentParser:
    """Add the command's parser."""
    verb = verbs.add_parser("serve", help="show faces in the browser, and draw them for other programs")
    add_model(verb)
    verb.add_argument(
        "--host",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="address to listen on (default: 127.0.0.1, this machine only; 0.0.0.0 lets others connect)",
    )
    verb.add_argument(
        "--port", type=int, default=8501, metavar="N", help="port (default: 8501); 0 picks a free one"
    )
    verb.add_argument(
        "--name", default="faces", metavar="NAME", help="the model's name in URLs (default: faces)"
    )
    verb.add_argument(
        "--allow-origin",
        metavar="URL",
        help="another site whose pages may read the responses, such as https://example.org (default: none)",
    )
    add_state(verb)
    return verb


def run(options: argparse.Namespace) -> None:
    """Serve until a signal stops it."""
    start_tensorflow()
    from facegan_tf.run.restore import RunState
    from facegan_tf.serving.server.serve import serve

    state = RunState(options.checkpoint, options.weights)
    serve(options.model, options.host, options.port, options.name, state, options.allow_origin)
