"""The `facegan` command: lists its commands, prints their errors, and sets the exit code.

Each command is a module of `facegan_tf.commands`. It imports TensorFlow and other large libraries only when
it runs, so that `--help` is instant.

Exit codes: 0 done, 1 failed, 2 wrong use (flags, config, input), 128 + the signal's number if interrupted
(130 for Ctrl-C). Results go to stdout, messages and progress bars to stderr.
"""

import argparse
import sys
from collections.abc import Sequence

from facegan_tf.commands import (
    cache,
    compare,
    evaluate,
    export,
    info,
    interpolate,
    join,
    prepare,
    report,
    sample,
    serve,
    train,
)
from facegan_tf.commands.arguments import Command
from facegan_tf.common.errors import FaceganError, InputError
from facegan_tf.common.keras_backend import require_tensorflow

COMMANDS: tuple[Command, ...] = (
    prepare,
    join,
    train,
    info,
    sample,
    interpolate,
    serve,
    evaluate,
    report,
    compare,
    export,
    cache,
)
"""Every command, in the order in which `facegan --help` lists them."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="facegan", description="Train a face GAN, look at what it draws, and export it for serving."
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add_to(verbs).set_defaults(command=command)
    options = parser.parse_args(arguments)
    prefix = f"facegan {options.verb}"
    try:
        require_tensorflow()
        return options.command.run(options) or 0
    except InputError as error:
        message = error.described(_flags(verbs.choices[options.verb], options))
        print(f"{prefix}: {message}", file=sys.stderr)
        return error.exit_code
    except FaceganError as error:
        print(f"{prefix}: {error}", file=sys.stderr)
        return error.exit_code
    except OSError as error:  # a full disk, a folder without permission: the system's message says which
        print(f"{prefix}: failed: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"\n{prefix}: interrupted", file=sys.stderr)
        return 130


def _flags(verb: argparse.ArgumentParser, options: argparse.Namespace) -> dict[str, str]:
    """The flag, or the positional's name, that sets each parameter of a command: {"out": "--out"}.

    A flag that sets a setting, such as `training.steps`, counts only if it was given: otherwise the setting
    comes from elsewhere.
    """
    return {
        action.dest: (action.option_strings or [str(action.metavar)])[-1]
        for action in verb._actions
        if "." not in action.dest or getattr(options, action.dest) is not None
    }
