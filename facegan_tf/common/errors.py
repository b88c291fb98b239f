"""Errors that users read, and how values appear in them."""

import copy
import re
import reprlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self, TypeVar

T = TypeVar("T")

MAX_PROBLEMS = 20
"""Most problems listed in one message."""


class FaceganError(Exception):
    """Something failed during the work; the message says what, and what to do."""

    exit_code = 1


class InputError(FaceganError):
    """Wrong use: a parameter, a setting, a path or a file that can't be used.

    name: what was given: a parameter such as `out`, or a setting's full path, `data.source`. None where the
    value needs no name, such as the path of a damaged file. value: as it was given; None if it was not
    given, or if showing it helps nobody. problem: what is wrong with it, and what to do. It puts the names of
    other parameters in backticks: "must be 1 or more; or leave `count` out".

    Python shows the names as they are. The command line shows its flags instead (`described`). The place
    where a setting is written comes first, if it is known (`place`).
    """

    exit_code = 2

    def __init__(self, name: str | None, value: object, problem: str) -> None:
        super().__init__(name, value, problem)
        self.name, self.value, self.problem = name, value, problem
        self.place: str | None = None
        """Where the setting is written, such as `configs/mine.yaml: line 12`; None if that is not known."""

    def __str__(self) -> str:
        return self.described()

    def described(self, flags: Mapping[str, str] | None = None) -> str:
        """The message, with `flags` in place of the parameters that they set: {"out": "--out"}."""
        flags = flags or {}
        problem = _with_names(self.problem, flags)
        if self.name and self.name in flags:  # no place: the flag says where the value comes from
            return f"{flags[self.name]} {self.shown_value()}".rstrip() + f": {problem}"
        return ": ".join(each for each in (self.place, self.name, self.shown_value(), problem) if each)

    def renamed(self, names: Mapping[str, str]) -> Self:
        """The same error, with the names of what the caller took the values from: {"source": "data.source"}.

        A name without a dot is a parameter; it keeps its backticks, so that flags can replace it.
        """
        renamed = copy.copy(self)
        renamed.name = names.get(self.name or "", self.name)
        in_text = {old: new if "." in new else f"`{new}`" for old, new in names.items()}
        renamed.problem = _with_names(self.problem, in_text)
        return renamed

    def shown_value(self) -> str:
        """The value as the message shows it; empty if it has none."""
        if self.value is None:
            return ""
        return as_yaml(self.value) if isinstance(self.value, (bool, list, tuple, dict)) else str(self.value)


def _with_names(problem: str, names: Mapping[str, str]) -> str:
    return re.sub("`([a-z_]+)`", lambda match: names.get(match[1], match[0]), problem)


class Rejected(Exception):
    """One of many files can't be used, but the work continues; the message is the reason, in one line."""


def as_lines(problems: Sequence[T], as_line: Callable[[T], str]) -> str:
    """One line for each of the first MAX_PROBLEMS problems, and one that counts the rest."""
    lines = [as_line(problem) for problem in problems[:MAX_PROBLEMS]]
    if len(problems) > MAX_PROBLEMS:
        lines.append(f"and {len(problems) - MAX_PROBLEMS:,} more like these")
    return "\n".join(lines)


def in_short(text: str, longest: int = 60) -> str:
    """The text itself if it fits on a line; otherwise its beginning and its end, escaped."""
    return text if len(text) <= longest and text.isprintable() else as_yaml(text)[1:-1]


def in_one_line(text: object, longest: int = 300) -> str:
    """A text, such as a library's error, as one line of at most `longest` characters."""
    return " ".join(str(text).split())[:longest]


def as_yaml(value: Any) -> str:
    """A value as one short line, with YAML's words for true, false and null."""
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
