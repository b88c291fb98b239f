"""The run directory: the paths of everything in outputs/NAME, and the run's record in run.json."""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from facegan_tf.common.errors import InputError
from facegan_tf.common.files import atomic_file, sync, write_json
from facegan_tf.config.settings import Config
from facegan_tf.run.logs import EVALUATIONS, METRICS, PSNR, losses_of, read_log
from facegan_tf.run.records import EvaluationFiles

BEST = "best"
"""Folder inside the checkpoints' folder for the checkpoint with the best score."""

GRIDS = r"step_(\d{6,})\.png"
EPOCHS = r"epoch_(\d{3,})\.(?:png|npz)"
"""Names of the files in grids/ and epochs/, with the number of the step or the epoch."""


class RunDirectory:
    """Paths of one run, and its record in run.json."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.config = folder / "config.yaml"
        self.record = folder / "run.json"
        self.metrics = folder / "metrics.jsonl"
        self.reals = folder / "reals.png"
        self.curves = folder / "curves.png"
        self.psnr = folder / "psnr.jsonl"
        self.psnr_curves = folder / "psnr.png"
        self.score_curves = folder / "scores.png"
        self.best_grid = folder / "best.png"
        self.gif = folder / "training.gif"
        self.grids = folder / "grids"
        self.epochs = folder / "epochs"
        self.checkpoints = folder / "checkpoints"
        self.nonfinite = folder / "nonfinite"
        self.tensorboard = folder / "tensorboard"

    def exists(self) -> bool:
        """Whether the folder holds a run."""
        return self.config.is_file()

    def write_config(self, config: Config) -> None:
        """Write the resolved settings."""
        with atomic_file(self.config) as partial:
            partial.write_text(config.to_yaml(), encoding="utf-8")

    def read_record(self) -> dict[str, Any]:
        """The facts in run.json. Raises InputError if the file is missing, damaged or edited."""
        try:
            record = json.loads(self.record.read_text(encoding="utf-8"))
            _check_record(record)
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise InputError(
                None,
                self.record,
                f"can't be read: {error}; this run can't be resumed without it: restore the file, or start "
                "another run with `out`",
            ) from None
        return record

    def update_record(self, **facts: Any) -> None:
        """Add facts to run.json, or replace them."""
        record = self.read_record() if self.record.exists() else {}
        record.update(facts, updated=time.strftime("%Y-%m-%dT%H:%M:%S%z"))
        write_json(self.record, record)

    def read_curves(self) -> dict[str, dict[str, str]]:
        """The `label` and the `unit` of each logged loss, by its name; empty if the run has no record."""
        return self.read_record().get("curves", {}) if self.record.exists() else {}

    def prepared_store(self) -> Path | None:
        """The folder of the store that this run trains on; None if the run has not begun."""
        if not self.exists():
            return None
        folder = self.read_record()["store"].get("folder")
        return Path(folder) if isinstance(folder, str) else None

    def grid(self, step: int) -> Path:
        """Path of the grid drawn after `step` steps."""
        return self.grids / f"step_{step:06d}.png"

    def grid_paths(self) -> list[Path]:
        """All grids, oldest first."""
        return [path for _, path in sorted(numbered(self.grids, GRIDS))]

    def best_step(self) -> int | None:
        """The step of the checkpoint with the best score; None if there is no such checkpoint."""
        return next(reversed(checkpoint_steps(self.checkpoints / BEST)), None)

    def epoch(self, epoch: int, suffix: str) -> Path:
        """Path of the control faces drawn after `epoch` epochs; the suffix is `.png` or `.npz`."""
        return self.epochs / f"epoch_{epoch:03d}{suffix}"

    def read_losses(self) -> list[dict[str, Any]]:
        """The lines of metrics.jsonl that hold losses, oldest first; the other lines hold scores.

        Raises InputError for a damaged line.
        """
        lines = [line for line in read_log(self.metrics, METRICS) if losses_of(line)]
        for line in lines:
            for name, loss in losses_of(line).items():
                if not isinstance(loss, (int, float, type(None))):
                    problem = f"{name} in the line of step {line['step']} is not a number; fix or remove it"
                    raise InputError(None, self.metrics, problem)
        return lines

    def read_evaluations(self) -> list[dict[str, Any]]:
        """The records in evaluations.jsonl, oldest first; those made while training have `training`."""
        return read_log(EvaluationFiles(self.folder).all, EVALUATIONS)

    def read_psnr(self) -> list[dict[str, Any]]:
        """The lines of psnr.jsonl, oldest first."""
        return read_log(self.psnr, PSNR)

    def sync(self) -> None:
        """Wait until the logs are on the disk: a checkpoint promises that they reach up to its step."""
        logs = (self.metrics, self.psnr, EvaluationFiles(self.folder).all)
        for log in (*logs, *self.tensorboard.glob("*")):
            if log.exists():
                sync(log)


def checkpoint_steps(folder: Path) -> list[int]:
    """The steps of the checkpoints in `folder`, oldest first; empty if there is no such folder."""
    return sorted(step for step, _ in numbered(folder, r"step_(\d{6,})"))


def number_of(picture: Path) -> int:
    """The step in the name of one of the `grid_paths`."""
    return int(picture.stem.rpartition("_")[2])


def numbered(folder: Path, pattern: str) -> Iterator[tuple[int, Path]]:
    """(number, path) of each entry of a folder whose name matches; other entries are not ours."""
    for path in folder.glob("*"):
        if match := re.fullmatch(pattern, path.name):
            yield int(match[1]), path


def _check_record(record: Any) -> None:
    """Raise ValueError, KeyError or TypeError unless what the package reads has the right types."""
    if not isinstance(record["store"]["fingerprint"], str):
        raise ValueError("it names no store")
    for block in ("versions", "compute", "losses", "curves"):
        if not isinstance(record.get(block, {}), dict):
            raise ValueError(f"{block} is not an object")
    for name, curve in record.get("curves", {}).items():
        if not all(isinstance(curve[key], str) for key in ("label", "unit")):
            raise ValueError(f"the curve {name} has no label or unit")
