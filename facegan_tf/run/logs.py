"""The logs of a run: files with one JSON object on each line."""

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from facegan_tf.common.errors import InputError
from facegan_tf.common.files import atomic_file

Line = dict[str, Any]

METRICS = ("step", "images")
"""Keys of every line of metrics.jsonl; its other keys are losses, or scores such as `scores/fid`."""
PSNR = ("step", "mean", "faces")
"""Keys of every line of psnr.jsonl."""
EVALUATIONS = (
    *("scores", "reference_scores", "warnings", "generated", "reference", "features", "settings"),
    *("seed", "versions", "seconds", "created"),
)
"""Keys of every line of evaluations.jsonl."""


def is_score(name: str) -> bool:
    """Whether a logged number is a score; the names of losses have no slash."""
    return "/" in name


def losses_of(line: Mapping[str, Any]) -> Line:
    """The losses in a line of metrics.jsonl, by name; empty for a line of scores."""
    return {name: value for name, value in line.items() if name not in METRICS and not is_score(name)}


def loss_names(lines: Iterable[Mapping[str, Any]]) -> list[str]:
    """The names of all losses in lines of metrics.jsonl, in the order first logged."""
    return list(dict.fromkeys(name for line in lines for name in losses_of(line)))


def read_log(log: Path, keys: Sequence[str]) -> list[Line]:
    """The lines of a log, oldest first; empty if there is no such file.

    A last line that a crash cut off is skipped: its step is done again. Raises InputError for any other
    line that is not a JSON object with these keys.
    """
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return []
    values = []
    for number, line in enumerate(lines, start=1):
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            if number == len(lines):
                break
            raise _damaged(log, number, "is not JSON", line) from None
        if not isinstance(value, dict) or not all(key in value for key in keys):
            raise _damaged(log, number, f"must be an object with {', '.join(keys)}", line)
        training = value.get("training", value)
        if not isinstance(training, dict) or not isinstance(training.get("step", 0), int):
            raise _damaged(log, number, "must have a whole number as step", line)
        values.append(value)
    return values


def keep_lines(log: Path, keys: Sequence[str], keeps: Callable[[Line], bool], *, expected: bool) -> None:
    """Drop all other lines of a log. Warn if the log is missing although it is `expected`."""
    if not log.exists():
        if expected:
            print(f"warning: {log} is missing; a new one begins at this step", file=sys.stderr)
        return
    kept = [line for line in read_log(log, keys) if keeps(line)]
    with atomic_file(log) as partial:
        partial.write_text("".join(json.dumps(line) + "\n" for line in kept), encoding="utf-8")


def _damaged(log: Path, number: int, problem: str, line: str) -> InputError:
    return InputError(
        None,
        log,
        f"line {number} {problem}: {line[:80]}; the file was edited or damaged: fix or remove that line",
    )
