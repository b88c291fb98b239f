"""Running commands, in this process and in one of their own, and reading their arguments."""

import argparse
import subprocess
import sys

import pytest

from facegan_tf.cli import main
from facegan_tf.commands.arguments import Command
from tests.helpers.paths import ROOT

COMMAND_FILES = set((ROOT / "facegan_tf" / "commands").glob("*.py"))
NAMES = sorted(path.stem for path in COMMAND_FILES if path.stem not in ("__init__", "arguments"))
"""The name of every command, as that of its module."""


def call(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    """Run a command; return its exit code, stdout and stderr."""
    code = main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def modules_after(*arguments: object) -> set[str]:
    """The modules that are loaded in a fresh process after a command."""
    code = (
        "import sys\nfrom facegan_tf.cli import main\n"
        "try:\n    main()\nexcept SystemExit: pass\n"
        "print('LOADED', *sorted(sys.modules))"
    )
    command = [sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return set(done.stdout.rpartition("LOADED")[2].split())


def parsed(command: Command, *arguments: str) -> argparse.Namespace:
    """The options of a command, its defaults among them."""
    return command.add_to(argparse.ArgumentParser().add_subparsers()).parse_args(arguments)
