"""The run directory: what lies where in outputs/NAME, and how a run begins or goes on in it."""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from facegan_tf.common.errors import InputError
from facegan_tf.common.files import atomic_file, is_partial, sync, write_json
from facegan_tf.config.load import load_config
from facegan_tf.config.settings import Config
from facegan_tf.data.store import FaceStore
from facegan_tf.run.lock import LOCK
from facegan_tf.run.logs import EVALUATIONS, LOSSES, PSNR, keep_lines, read_log
from facegan_tf.run.records import EvaluationFiles

HARMLESS_CHANGES = (
    "name",
    "data.source",
    "data.max_rejected",
    "data.cache",
    "training.steps",
    "training.epochs",
    "training.images",
    "training.log_every",
    "training.checkpoint_every",
    "training.keep_checkpoints",
    "training.on_nonfinite",
    "training.max_rollbacks",
    "grids.every",
    "grids.epochs",
    "evaluation.every",
    "evaluation.count",
    "evaluation.features",
    "evaluation.weights",
    "evaluation.range",
    "evaluation.best_by",
)
"""Settings that a resumed run may change: none alters what a step computes.

The source may have moved; that its pixels are the same is checked by the store's fingerprint.
"""


LOGGED_WITH = {"control_vectors": "grids", "psnr": "grids", "scores": "scores"}
"""What TensorBoard's records, by the first part of their names, are written with; others with the losses."""

BEST = "best"
"""Folder within that of the checkpoints, for what scored best."""


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
        """Whether a run has begun here."""
        return self.config.is_file()

    def check_startable(self, config: Config, resume: bool) -> None:
        """Raise InputError unless `config` can start here, or go on here if `resume`."""
        if not self.exists():
            if self.folder.exists() and not self._is_ours():
                raise InputError(f"--out {self.folder}: is there already and holds no run; choose another")
            return
        if not resume:
            steps = checkpoint_steps(self.checkpoints)
            raise InputError(
                f"--out {self.folder}: a run is there already, saved at step {steps[-1] if steps else 0}; "
                "add --resume to go on with it, or choose another place with --out"
            )
        changes = _changes(load_config(self.config), config)
        if changes:
            raise InputError(
                f"{self.folder}: can't be resumed, for these settings differ from the run's own:\n"
                + "\n".join(f"  {change}" for change in changes)
                + f"\nset them back, or start another run with --out; harmless to change are: "
                f"{', '.join(HARMLESS_CHANGES)}"
            )

    def _is_ours(self) -> bool:
        """Whether the folder holds nothing but what a run leaves that is killed as it begins."""
        return self.folder.is_dir() and all(
            path.name in (LOCK, self.record.name) or is_partial(path) for path in self.folder.iterdir()
        )

    def check_same_images(self, store: FaceStore) -> None:
        """Raise InputError if a run has begun here with other pixels than the store's."""
        if not self.exists():
            return
        known = self.read_record()["store"]["fingerprint"]
        if known != store.fingerprint:
            raise InputError(
                f"data.source: {store.folder} holds other pixels than this run began with (fingerprint "
                f"{store.fingerprint[:12]}, was {known[:12]}); bring them back, or start another with --out"
            )

    def write_config(self, config: Config) -> None:
        """Write the resolved settings."""
        with atomic_file(self.config) as partial:
            partial.write_text(config.to_yaml(), encoding="utf-8")

    def read_record(self) -> dict[str, Any]:
        """The facts in run.json. Raises InputError if it is not what a run wrote."""
        try:
            record = json.loads(self.record.read_text(encoding="utf-8"))
            if not isinstance(record["store"]["fingerprint"], str):
                raise ValueError("it names no store")
            if not all(
                isinstance(record.get(block, {}), dict) for block in ("versions", "compute", "losses")
            ):
                raise ValueError("a block of facts is none")
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise InputError(
                f"{self.record}: can't be read: {error}; without it this run can't go on: bring it back, or "
                "start another with --out"
            ) from None
        return record

    def update_record(self, **facts: Any) -> None:
        """Add facts to run.json, or renew them."""
        record = self.read_record() if self.record.exists() else {}
        record.update(facts, updated=time.strftime("%Y-%m-%dT%H:%M:%S%z"))
        write_json(self.record, record)

    def grid(self, step: int) -> Path:
        """Path of the grid drawn after so many steps."""
        return self.grids / f"step_{step:06d}.png"

    def grid_paths(self) -> list[Path]:
        """All grids, oldest first."""
        return [path for _, path in sorted(_numbered(self.grids, r"step_(\d{6,})\.png"))]

    def best_step(self) -> int | None:
        """The step whose checkpoint is kept as the best; None if none is."""
        return next(reversed(checkpoint_steps(self.checkpoints / BEST)), None)

    def epoch(self, epoch: int, suffix: str) -> Path:
        """Path of what is kept of the control faces after so many epochs."""
        return self.epochs / f"epoch_{epoch:03d}{suffix}"

    def read_losses(self) -> list[dict[str, Any]]:
        """The lines of metrics.jsonl that hold losses, oldest first; the others hold scores."""
        return [line for line in read_log(self.metrics, LOSSES) if {"d_loss", "g_loss"} <= line.keys()]

    def read_evaluations(self) -> list[dict[str, Any]]:
        """The records of evaluations.jsonl, oldest first; those that a training made have `training`."""
        return read_log(EvaluationFiles(self.folder).all, EVALUATIONS)

    def read_psnr(self) -> list[dict[str, Any]]:
        """The lines of psnr.jsonl, oldest first."""
        return read_log(self.psnr, PSNR)

    def sync(self) -> None:
        """Wait until the logs are on the disk: a checkpoint vouches for what they have up to its step."""
        logs = (self.metrics, self.psnr, EvaluationFiles(self.folder).all)
        for log in (*logs, *self.tensorboard.glob("*")):
            if log.exists():
                sync(log)

    def forget_after(self, step: int, config: Config, images: int) -> None:
        """Drop what a run that goes on from `step` writes again, or an undisturbed one never writes.

        The latter are the grid and the lines of an end that is none any more, at `step` itself. What is from
        before stays, at whatever intervals it was written. images: how many make an epoch.
        """
        from facegan_tf.run.tensorboard import EventLog  # TensorFlow: reports do without it

        end = config.training.total_steps(images)
        written = load_config(self.config)
        intervals = {
            "losses": written.training.log_every,
            "scores": written.evaluation.every or end,
            "grids": written.grids.every,
        }

        def stays(kind: str, number: int) -> bool:
            return number < step or (number == step and (number % intervals[kind] == 0 or number == end))

        def evaluated(record: dict[str, Any]) -> bool:
            return "training" not in record or stays("scores", record["training"]["step"])

        def logged(name: str, number: int) -> bool:
            return stays(LOGGED_WITH.get(name.partition("/")[0], "losses"), number)

        def measured(line: dict[str, Any]) -> bool:
            return stays("losses" if "d_loss" in line else "scores", line["step"])

        keep_lines(self.metrics, LOSSES, measured, expected=step >= intervals["losses"])
        keep_lines(
            self.psnr, PSNR, lambda line: stays("grids", line["step"]), expected=step >= intervals["grids"]
        )
        keep_lines(EvaluationFiles(self.folder).all, EVALUATIONS, evaluated, expected=False)
        EventLog(self.tensorboard).keep(logged)
        for number, grid in _numbered(self.grids, r"step_(\d{6,})\.png"):
            if not stays("grids", number):
                grid.unlink()
        epochs_done = config.training.whole_epochs(step, images)
        for epoch, kept in _numbered(self.epochs, r"epoch_(\d{3,})\.(?:png|npz)"):
            if epoch > epochs_done:
                kept.unlink()


def checkpoint_steps(folder: Path) -> list[int]:
    """The steps that `folder` has checkpoints of, oldest first; empty if there is no such folder."""
    return sorted(step for step, _ in _numbered(folder, r"step_(\d{6,})"))


def number_of(picture: Path) -> int:
    """Of the step in the name of one of `grid_paths`."""
    return int(picture.stem.rpartition("_")[2])


def _numbered(folder: Path, pattern: str) -> Iterator[tuple[int, Path]]:
    """(number, path) of what is called so in a folder; other things there are somebody else's."""
    for path in folder.glob("*"):
        if match := re.fullmatch(pattern, path.name):
            yield int(match[1]), path


def _changes(before: Config, now: Config) -> list[str]:
    old, new = flat(before.model_dump(mode="json")), flat(now.model_dump(mode="json"))
    return [
        f"{key}: {old.get(key)} in the run, {new.get(key)} now"
        for key in old | new
        if key not in HARMLESS_CHANGES and old.get(key) != new.get(key)
    ]


def flat(settings: dict[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested settings by their full paths, `training.steps`, each value as YAML has it."""
    by_path: dict[str, str] = {}
    for key, value in settings.items():
        if isinstance(value, dict):
            by_path |= flat(value, f"{prefix}{key}.")
        else:
            by_path[prefix + key] = yaml.safe_dump(value, default_flow_style=True).split("\n")[0]
    return by_path
