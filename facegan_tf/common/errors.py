"""The errors that the commands turn into one clear line and an exit code, and what keeps it one line."""

import reprlib
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

T = TypeVar("T")

MAX_PROBLEMS = 20
"""That are told at once."""


class FaceganError(Exception):
    """Something failed while working; the message says what, and the way out."""

    exit_code = 1


class InputError(FaceganError):
    """Wrong use: a flag, a setting, a path or a file that can't be worked with.

    The message names the flag or setting, its value, and what to do instead.
    """

    exit_code = 2


class Rejected(Exception):
    """One file of many can't be used, and the work goes on; the message is the reason, in one line."""


def as_lines(problems: Sequence[T], as_line: Callable[[T], str]) -> str:
    """A line for each problem, and for how many there are beyond MAX_PROBLEMS."""
    lines = [as_line(problem) for problem in problems[:MAX_PROBLEMS]]
    if len(problems) > MAX_PROBLEMS:
        lines.append(f"and {len(problems) - MAX_PROBLEMS:,} more like these")
    return "\n".join(lines)


def in_short(text: str, longest: int = 60) -> str:
    """A text as it is, if it fits in a line; else its beginning and its end, escaped."""
    return text if len(text) <= longest and text.isprintable() else shown(text)[1:-1]


def shown(value: Any) -> str:
    """A value in one short line, with YAML's words."""
    text = _SHORT.repr(value)
    return text if len(text) <= 120 else text[:117] + "..."


class _Short(reprlib.Repr):
    def __init__(self) -> None:
        super().__init__()
        self.maxlevel, self.maxstring, self.maxlong = 2, 60, 60

    def repr_bool(self, value: bool, _level: int) -> str:
        return str(value).lower()

    def repr_NoneType(self, _value: None, _level: int) -> str:
        return "null"


_SHORT = _Short()
