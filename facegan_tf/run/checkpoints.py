"""Checkpoints of everything that a step depends on: complete or absent, the newest few kept.

A checkpoint is a folder `step_000500/` with TensorFlow's `state.*` files and `checkpoint.json`, which holds
their SHA-256. The state is the GAN's own (`GAN.state`), so a resumed run ends with the very same weights.
Images and latents need no saving: they follow from the step.
"""

import errno
import hashlib
import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from facegan_tf.common.errors import InputError, in_one_line
from facegan_tf.common.files import atomic_folder, folder_bytes, remove_folder, write_json
from facegan_tf.common.images import save_png
from facegan_tf.model.gan import GAN
from facegan_tf.model.nonfinite import NonFiniteError
from facegan_tf.model.state import nonfinite_variables, weights_sha256
from facegan_tf.run.directory import BEST, checkpoint_steps

FORMAT_VERSION = 2
"""Version of the state's parts. In version 1 the GAN had no step variable of its own."""
FACTS = "checkpoint.json"
PICTURE = "faces.png"


class DamagedError(InputError):
    """A checkpoint differs from what was saved."""


class Checkpoints:
    """The checkpoints of one run, in `folder`."""

    def __init__(self, gan: GAN, folder: Path, keep: int = 1):
        """keep: how many of the newest to keep when another is saved."""
        self.gan = gan
        self.folder = folder
        self.keep = keep

    def steps(self) -> list[int]:
        """The steps of the checkpoints, oldest first."""
        return checkpoint_steps(self.folder)

    def save(self, picture: np.ndarray | None = None, **notes: Any) -> None:
        """Save the current state under its step, and remove the oldest checkpoints.

        picture: uint8 [H, W, 3], saved beside the state as PICTURE. notes: JSON values, which the method
        `notes` returns. Raises NonFiniteError if a value of the state is not finite, because such a state
        is never worth going back to; OSError if writing fails.
        """
        place = self._place(self.gan.steps_done)
        if not place.exists():  # it exists if a run ends or is stopped right after a checkpoint
            self._write(place, picture, notes)
        for old in self._superseded():
            remove_folder(self._place(old))

    def _superseded(self) -> list[int]:
        return self.steps()[: -self.keep]

    def _write(self, place: Path, picture: np.ndarray | None, notes: dict[str, Any]) -> None:
        step, steps = self.gan.steps_done, self.steps()
        if bad := nonfinite_variables(self.gan):
            raise NonFiniteError(steps[-1] if steps else 0, step, {}, bad)
        with atomic_folder(place) as partial:
            try:
                tf.train.Checkpoint(**self.gan.state()).write(str(partial / "state"))
            except tf.errors.OpError as error:  # to TensorFlow, a full disk is an exhausted resource
                raise OSError(errno.EIO, error.message, str(place)) from error
            if picture is not None:
                save_png(partial / PICTURE, picture)
            facts = {
                "format_version": FORMAT_VERSION,
                "step": step,
                "weights_sha256": weights_sha256(self.gan),
                "files": {path.name: _file_sha256(path) for path in sorted(partial.iterdir())},
                "notes": notes,
            }
            write_json(partial / FACTS, facts | {"sha256": _sha256(facts)})

    def best(self) -> "BestCheckpoints":
        """The checkpoints kept for their score, in best/."""
        return BestCheckpoints(self.gan, self.folder / BEST)

    def picture(self) -> Path | None:
        """The picture saved with the newest checkpoint; None if there is no checkpoint."""
        return self._place(self.steps()[-1]) / PICTURE if self.steps() else None

    def notes(self, which: str = "last") -> dict[str, Any]:
        """The notes of a checkpoint: `last`, `best`, or a step. Raises InputError as `restore` does."""
        return read_facts(self._find(which))["notes"]

    def restore(self, which: str = "last") -> int:
        """Restore a checkpoint: `last`, `best`, or a step such as `500`. Returns its step.

        If the last one is damaged, a warning says so and the one before is used. Raises InputError if there
        is no such checkpoint, if none is intact, or if it belongs to other nets than the config's.
        """
        if which != "last":
            return self._read(self._find(which))
        self._find(which)
        for step in reversed(self.steps()):
            try:
                return self._read(self._place(step))
            except DamagedError as error:
                print(f"warning: {error}; using the checkpoint before it", file=sys.stderr)
        raise InputError(None, self.folder, "every checkpoint is damaged; to start over, remove that folder")

    def forget_after(self, step: int) -> None:
        """Remove the checkpoints of later steps, the best one too: a run resumed at `step` makes its own."""
        for checkpoints in (self, self.best()):
            for later in (later for later in checkpoints.steps() if later > step):
                remove_folder(checkpoints._place(later))

    def _place(self, step: int) -> Path:
        return self.folder / f"step_{step:06d}"

    def _read(self, place: Path) -> int:
        facts = read_facts(place)
        version = facts.get("format_version", 1)
        if version != FORMAT_VERSION:
            raise InputError(
                None,
                place,
                f"has checkpoint format {version}, and this version of facegan_tf reads {FORMAT_VERSION}; "
                "use the version that wrote it, or train again",
            )
        check_files(place, facts)
        try:
            status = tf.train.Checkpoint(**self.gan.state()).read(str(place / "state"))
            status.assert_existing_objects_matched()
        except (tf.errors.OpError, AssertionError, ValueError) as error:
            raise InputError(
                None,
                place,
                "does not fit the nets of this run's config.yaml; is it another run's, or was the config "
                f"edited? ({in_one_line(error)})",
            ) from error
        if weights_sha256(self.gan) != facts["weights_sha256"] or self.gan.steps_done != facts["step"]:
            raise DamagedError(None, place, "is damaged: its weights differ from those that were saved")
        return self.gan.steps_done

    def _find(self, which: str) -> Path:
        if not self.steps():
            raise InputError(None, self.folder, "holds no checkpoint")
        if which == "last":
            return self._place(self.steps()[-1])
        best = self.best()
        if which == "best":
            if not best.steps():
                problem = f"{self.folder} has none; evaluation.every makes training keep one"
                raise InputError("checkpoint", which, problem)
            return best._find("last")
        if not re.fullmatch("[0-9]{1,12}", which):
            problem = f"must be last, best, or a step such as {self.steps()[-1]}"
            raise InputError("checkpoint", which, problem)
        for checkpoints in (self, best):
            if int(which) in checkpoints.steps():
                return checkpoints._place(int(which))
        known = ", ".join(map(str, self.steps())) + (f", best: {best.steps()[-1]}" if best.steps() else "")
        raise InputError("checkpoint", which, f"{self.folder} has these steps: {known}")


class BestCheckpoints(Checkpoints):
    """The checkpoints kept for their score: the newest is the best so far.

    The one that was the best at the run's newest checkpoint is kept too: a run resumed from there, with
    different noise after a rollback, may never reach the best so far.
    """

    def _superseded(self) -> list[int]:
        steps, saved = self.steps(), checkpoint_steps(self.folder.parent)
        resumable = [step for step in steps if saved and step <= saved[-1]]
        return [step for step in steps if step not in (steps[-1], *resumable[-1:])]


def describe_checkpoints(folder: Path) -> list[dict[str, Any]]:
    """Facts of each checkpoint below `folder`, oldest first and the best last, as JSON values.

    `step`, `bytes`, `best` (whether it was kept for its score) and `intact` (whether it is as it was saved).
    """
    places = [(folder / f"step_{step:06d}", step, False) for step in checkpoint_steps(folder)]
    best = folder / BEST
    places += [(best / f"step_{step:06d}", step, True) for step in checkpoint_steps(best)[-1:]]
    return [
        {"step": step, "bytes": folder_bytes(place), "best": kept_as_best, "intact": _is_intact(place)}
        for place, step, kept_as_best in places
    ]


def _is_intact(place: Path) -> bool:
    try:
        check_files(place, read_facts(place))
    except DamagedError:
        return False
    return True


def read_facts(place: Path) -> dict[str, Any]:
    """The contents of a checkpoint's checkpoint.json. Raises DamagedError if it was altered."""
    try:
        facts = json.loads((place / FACTS).read_text(encoding="utf-8"))
        if facts.pop("sha256") != _sha256(facts) or place.name != f"step_{facts['step']:06d}":
            raise ValueError("it was altered")
    except (OSError, ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
        raise DamagedError(None, place, f"is damaged: {FACTS}: {error}") from error
    return facts


def check_files(place: Path, facts: dict[str, Any]) -> None:
    """Raise DamagedError if one of the checkpoint's files is missing or was altered."""
    for name, saved in facts["files"].items():
        try:
            now = _file_sha256(place / name)
        except OSError as error:
            raise DamagedError(None, place, f"is damaged: {name}: {error.strerror}") from error
        if now != saved:
            raise DamagedError(None, place, f"is damaged: {name} was altered")


def _sha256(facts: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
