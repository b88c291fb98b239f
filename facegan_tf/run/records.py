"""The files that hold a run's evaluations, and what the records in them say."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facegan_tf.common.files import append_line, write_json


@dataclass(frozen=True)
class EvaluationFiles:
    """The evaluations in one folder, such as a run's."""

    folder: Path

    @property
    def newest(self) -> Path:
        """The newest evaluation's record, as JSON."""
        return self.folder / "evaluation.json"

    @property
    def all(self) -> Path:
        """Every evaluation's record, one per line, the newest last."""
        return self.folder / "evaluations.jsonl"

    @property
    def neighbours(self) -> Path:
        """A picture of the newest evaluation's faces beside their nearest reals."""
        return self.folder / "nearest.png"

    def belong_to(self, path: Path) -> bool:
        """Whether the newest evaluation scored what is at `path`; true if no evaluation can be read."""
        try:
            text = self.newest.read_text(encoding="utf-8")
        except OSError:
            return True
        try:
            return Path(json.loads(text)["generated"]["path"]).resolve() == path.resolve()
        except (ValueError, LookupError, TypeError):  # an edited file is not ours to overwrite
            return False

    def add(self, record: dict[str, Any]) -> None:
        """Append a record to `all`, and write it as `newest`. Raises OSError if writing fails."""
        self.folder.mkdir(parents=True, exist_ok=True)
        append_line(self.all, record)
        write_json(self.newest, record)


def newest_evaluation(records: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """The newest record of `facegan evaluate`, or else of training, which computes less; None if empty."""
    from_command = [record for record in records if "training" not in record]
    found = from_command or records
    return found[-1] if found else None


def use_of_reference(reference: dict[str, Any]) -> str:
    """What the run did with its record's reference, to follow "N images"; empty if unknown."""
    match reference.get("held_out"):  # records of earlier versions don't have it
        case True:
            return " held out from training"
        case False:
            return " used in training"
    return ""
