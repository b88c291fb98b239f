"""Where a run's evaluations are kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facegan_tf.common.files import append_line, write_json


@dataclass(frozen=True)
class EvaluationFiles:
    """The files of the evaluations that one folder, such as a run's, has."""

    folder: Path

    @property
    def newest(self) -> Path:
        """The newest evaluation's record."""
        return self.folder / "evaluation.json"

    @property
    def all(self) -> Path:
        """Every evaluation's record, a line each, the newest last."""
        return self.folder / "evaluations.jsonl"

    @property
    def neighbours(self) -> Path:
        """The newest evaluation's faces beside their nearest reals."""
        return self.folder / "nearest.png"

    def add(self, record: dict[str, Any]) -> None:
        """Keep a record as the newest, and with all."""
        self.folder.mkdir(parents=True, exist_ok=True)
        append_line(self.all, record)
        write_json(self.newest, record)


def newest_evaluation(records: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """The newest of `facegan evaluate`, which is the fuller one; or else that a training made; or None."""
    by_the_verb = [record for record in records if "training" not in record]
    found = by_the_verb or records
    return found[-1] if found else None
