"""What the commands share: arguments that several of them take, and what a command's module defines."""

import argparse
from typing import Protocol, TypeAlias

Verbs: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
"""What `add_to` adds a command's parser to."""

CACHE = "~/.cache/facegan_tf"
"""Default of `--cache`, the same as that of `data.cache`, which can't be imported without pydantic."""


DEDUPE_BITS = 20
"""Distance up to which `--dedupe` treats two faces as the same; docs/data.md says how it was chosen."""


class Command(Protocol):
    """What the module of a command defines."""

    def add_to(self, verbs: Verbs) -> argparse.ArgumentParser:
        """Add the command's parser, and return it.

        A flag's `dest` is the parameter that it sets, or the full path of the setting. Errors about either
        show the flag's name.
        """

    def run(self, options: argparse.Namespace) -> int | None:
        """Do the work and print the result; return the exit code, None for 0."""


def add_overrides(parser: argparse.ArgumentParser, help: str) -> None:
    """Add `--set`, which changes settings and may be given several times."""
    parser.add_argument(
        "--set", dest="overrides", nargs="+", action="extend", default=[], metavar="key.path=value", help=help
    )


def add_model(verb: argparse.ArgumentParser) -> None:
    """Add the argument that names what draws the faces."""
    verb.add_argument(
        "model",
        metavar="RUN_OR_SAVEDMODEL",
        help="a run directory, or a SavedModel that `facegan export` wrote",
    )


def add_state(verb: argparse.ArgumentParser) -> None:
    """Add `--checkpoint` and `--weights`, which choose the state of a run."""
    verb.add_argument(
        "--checkpoint",
        default="last",
        metavar="WHICH",
        help="checkpoint of a run: last (default), best (by its evaluations), or a step",
    )
    verb.add_argument(
        "--weights",
        default="ema",
        choices=("ema", "raw"),
        help="weights of a run's generator to use: ema (default), their moving average if the run keeps one, "
        "or raw, the weights themselves",
    )


def add_dedupe(verb: argparse.ArgumentParser) -> None:
    """Add `--dedupe`, which looks for near-duplicates."""
    verb.add_argument(
        "--dedupe",
        type=int,
        nargs="?",
        const=DEDUPE_BITS,
        metavar="BITS",
        help="drop faces whose hashes of 256 bits differ from an earlier one's in at most BITS bits, up to "
        f"32 ({DEDUPE_BITS} if BITS is left out); without this flag, all faces are kept",
    )
