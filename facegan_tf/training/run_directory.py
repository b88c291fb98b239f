"""The run directory: what lies where in outputs/NAME, and how a run begins or goes on in it."""

import json
import os
import platform
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from facegan_tf.config import Config, load_config
from facegan_tf.data.store import FaceStore
from facegan_tf.errors import InputError
from facegan_tf.evaluation.records import EvaluationFiles
from facegan_tf.files import atomic_file, write_json
from facegan_tf.versions import versions

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


BEST = "best"
"""Folder within that of the checkpoints, for the one that scored best."""


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
        self.tensorboard = folder / "tensorboard"

    def exists(self) -> bool:
        """Whether a run has begun here."""
        return self.config.is_file()

    def check_startable(self, config: Config, resume: bool) -> None:
        """Raise InputError unless `config` can start here, or go on here if `resume`."""
        if not self.exists():
            if self.folder.exists() and (not self.folder.is_dir() or any(self.folder.iterdir())):
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

    def changed_environment(self) -> list[str]:
        """A line for each way in which this process differs from the one that began the run.

        Each may round otherwise, so the run may end in other bits than if it had never stopped.
        """
        before, now = self.read_record(), environment()
        return [
            f"note: this run had {name} {before[block].get(name)}, now it is {value}: bits may differ"
            for block in ("versions", "host")
            for name, value in now[block].items()
            if before[block].get(name) != value
        ]

    def write_config(self, config: Config) -> None:
        """Write the resolved settings."""
        with atomic_file(self.config) as partial:
            partial.write_text(config.to_yaml(), encoding="utf-8")

    def read_record(self) -> dict[str, Any]:
        """The facts in run.json."""
        try:
            return json.loads(self.record.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(f"{self.record}: can't be read: {error}; this run can't be resumed") from None

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
        return sorted(self.grids.glob("step_*.png"), key=number_of)

    def best_step(self) -> int | None:
        """The step whose checkpoint is kept as the best; None if none is."""
        return next(iter(checkpoint_steps(self.checkpoints / BEST)), None)

    def epoch(self, epoch: int, suffix: str) -> Path:
        """Path of what is kept of the control faces after so many epochs."""
        return self.epochs / f"epoch_{epoch:03d}{suffix}"

    def read_losses(self) -> list[dict[str, Any]]:
        """The lines of metrics.jsonl that hold losses, oldest first; the others hold scores."""
        return [line for line in _read_lines(self.metrics) if "d_loss" in line]

    def read_evaluations(self) -> list[dict[str, Any]]:
        """The records of evaluations.jsonl, oldest first; those that a training made have `training`."""
        return _read_lines(EvaluationFiles(self.folder).all)

    def read_psnr(self) -> list[dict[str, Any]]:
        """The lines of psnr.jsonl, oldest first."""
        return _read_lines(self.psnr)

    def forget_after(self, step: int, config: Config, images: int) -> None:
        """Drop what a run that goes on from `step` writes again, or an undisturbed one never writes.

        The latter are the grid and the line of an end that is none any more. images: how many make an epoch.
        """
        end = config.training.total_steps(images)

        def stays(number: int, every: int) -> bool:
            return number <= step and (number % every == 0 or number == end)

        def logged(line: dict[str, Any]) -> bool:
            every = config.training.log_every if "d_loss" in line else config.evaluation.every
            return stays(line["step"], every or end)

        def evaluated(record: dict[str, Any]) -> bool:
            return "training" not in record or stays(
                record["training"]["step"], config.evaluation.every or end
            )

        _keep_lines(self.metrics, logged)
        _keep_lines(self.psnr, lambda line: stays(line["step"], config.grids.every))
        _keep_lines(EvaluationFiles(self.folder).all, evaluated)
        for grid in self.grid_paths():
            if not stays(number_of(grid), config.grids.every):
                grid.unlink()
        for kept_epoch in self.epochs.glob("epoch_*"):
            if number_of(kept_epoch) > config.training.epochs_done(step, images):
                kept_epoch.unlink()


def _read_lines(log: Path) -> list[dict[str, Any]]:
    if not log.exists():
        return []
    lines = log.read_text(encoding="utf-8").splitlines()
    values = []
    for number, line in enumerate(lines, start=1):
        try:
            values.append(json.loads(line))
        except ValueError:
            if number == len(lines):  # torn by a crash; its step is done again
                break
            raise InputError(f"{log}: line {number} is not JSON: {line[:80]}") from None
    return values


def checkpoint_steps(folder: Path) -> list[int]:
    """The steps that `folder` has checkpoints of, oldest first; empty if there is no such folder."""
    found = (re.fullmatch(r"step_(\d{6,})", place.name) for place in folder.glob("step_*"))
    return sorted(int(match[1]) for match in found if match)


def _keep_lines(log: Path, keeps: Callable[[dict[str, Any]], bool]) -> None:
    kept = [line for line in _read_lines(log) if keeps(line)]
    with atomic_file(log) as partial:
        partial.write_text("".join(json.dumps(line) + "\n" for line in kept), encoding="utf-8")


def number_of(picture: Path) -> int:
    """Of the step or epoch in a file's name."""
    return int(picture.stem.rpartition("_")[2])


def environment() -> dict[str, Any]:
    """Versions and host, for the record: what the bits of a run depend on besides its config."""
    return {
        "versions": versions("tensorflow", "keras", "numpy", "pillow"),
        "host": {
            "name": platform.node(),
            "platform": platform.platform(),
            "cores": os.cpu_count(),
            "onednn": os.environ.get("TF_ENABLE_ONEDNN_OPTS", "TensorFlow's default"),
        },
        "command": sys.argv,
    }


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
