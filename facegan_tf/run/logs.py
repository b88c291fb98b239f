"""The logs of a run: files with a line of JSON for each thing that is noted."""

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from facegan_tf.common.errors import InputError
from facegan_tf.common.files import atomic_file

Line = dict[str, Any]

LOSSES = ("step", "images")
"""What each line of metrics.jsonl has; those of losses have `d_loss` and `g_loss` too, others scores."""
PSNR = ("step", "mean", "faces")
EVALUATIONS = ("scores", "reference_scores", "warnings", "generated", "reference", "features", "settings")


def read_log(log: Path, keys: Sequence[str]) -> list[Line]:
    """The lines of a log, oldest first; none if there is no such file.

    A last line that was torn by a crash is passed over: its step is done again. Raises InputError for
    another line that is no JSON object with these keys.
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
            raise _not_ours(log, number, "is not JSON", line) from None
        if not isinstance(value, dict) or not all(key in value for key in keys):
            raise _not_ours(log, number, f"must be an object with {', '.join(keys)}", line)
        if not isinstance(value.get("training", value).get("step", 0), int):
            raise _not_ours(log, number, "must have a whole number as step", line)
        values.append(value)
    return values


def keep_lines(log: Path, keys: Sequence[str], keeps: Callable[[Line], bool], *, expected: bool) -> None:
    """Drop all other lines of a log. If it is missing though it is `expected`, say so."""
    if not log.exists():
        if expected:
            print(f"warning: {log} is missing; it begins anew", file=sys.stderr)
        return
    kept = [line for line in read_log(log, keys) if keeps(line)]
    with atomic_file(log) as partial:
        partial.write_text("".join(json.dumps(line) + "\n" for line in kept), encoding="utf-8")


def _not_ours(log: Path, number: int, why: str, line: str) -> InputError:
    return InputError(
        f"{log}: line {number} {why}: {line[:80]}; it was edited or damaged: mend or remove that line"
    )
