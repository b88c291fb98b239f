"""Checkpoints of everything that a step depends on: complete or absent, the newest few kept.

A checkpoint is a folder `step_000500/` with TensorFlow's `state.*` files and `checkpoint.json`, which has
their SHA-256. It holds both nets, both optimizers and the states of the nets' dropout seeds, so that training
goes on from it to the very same weights. Images and latents need nothing: they follow from the step.
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

from facegan_tf.common.errors import InputError
from facegan_tf.common.files import atomic_folder, folder_bytes, remove_folder, write_json
from facegan_tf.common.images import save_png
from facegan_tf.model.finite import NonFiniteError, nonfinite_variables
from facegan_tf.model.gan import GAN
from facegan_tf.model.state import seed_states, weights_sha256
from facegan_tf.run.directory import BEST, checkpoint_steps

FACTS = "checkpoint.json"
PICTURE = "faces.png"


class DamagedError(InputError):
    """A checkpoint is not as it was saved."""


class Checkpoints:
    """The checkpoints of one run, in `folder`."""

    def __init__(self, gan: GAN, folder: Path, keep: int = 1):
        """keep: how many of the newest stay when another is saved."""
        self.gan = gan
        self.folder = folder
        self.keep = keep

    def steps(self) -> list[int]:
        """The steps there are checkpoints of, oldest first."""
        return checkpoint_steps(self.folder)

    def save(self, picture: np.ndarray | None = None, **notes: Any) -> None:
        """Save the state as it is, under the number of steps done, and remove the oldest ones.

        picture: uint8 [H, W, 3] to keep with it, as PICTURE. notes: JSON values to keep with it, which
        `notes` gives back. Raises NonFiniteError if anything in it is not finite: such a state is never worth
        going back to; OSError if the disk won't have it.
        """
        place = self._place(self.gan.steps_done)
        if not place.exists():  # it does where a run ends on a checkpoint's step, or is stopped at once
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
                _trackable(self.gan).write(str(partial / "state"))
            except tf.errors.OpError as error:  # a full disk is "resource exhausted", as is a full memory
                raise OSError(errno.EIO, error.message, str(place)) from error
            if picture is not None:
                save_png(partial / PICTURE, picture)
            facts = {
                "step": step,
                "weights_sha256": weights_sha256(self.gan),
                "files": {path.name: _file_sha256(path) for path in sorted(partial.iterdir())},
                "notes": notes,
            }
            write_json(partial / FACTS, facts | {"sha256": _sha256(facts)})

    def best(self) -> "BestCheckpoints":
        """Those kept apart for their score, in best/."""
        return BestCheckpoints(self.gan, self.folder / BEST)

    def picture(self) -> Path | None:
        """The picture kept with the newest; None if there is no checkpoint."""
        return self._place(self.steps()[-1]) / PICTURE if self.steps() else None

    def notes(self, which: str = "last") -> dict[str, Any]:
        """What was noted with the checkpoint `last`, `best` or of a step. Raises InputError as `restore`."""
        return read_facts(self._find(which))["notes"]

    def restore(self, which: str = "last") -> int:
        """Restore the checkpoint `last`, `best` or of a step, `500`; return its step.

        Where the last one is damaged, a warning says so and the one before is taken. Raises InputError if
        there is none such or none that is whole, and if it is of other nets than the config's.
        """
        if which != "last":
            return self._read(self._find(which))
        self._find(which)
        for step in reversed(self.steps()):
            try:
                return self._read(self._place(step))
            except DamagedError as error:
                print(f"warning: {error}; the checkpoint before it is taken instead", file=sys.stderr)
        raise InputError(f"{self.folder}: no checkpoint is whole; to start anew, remove that folder")

    def forget_after(self, step: int) -> None:
        """Remove those of later steps, the best too: a run that goes on from `step` makes its own."""
        for checkpoints in (self, self.best()):
            for later in (later for later in checkpoints.steps() if later > step):
                remove_folder(checkpoints._place(later))

    def _place(self, step: int) -> Path:
        return self.folder / f"step_{step:06d}"

    def _read(self, place: Path) -> int:
        facts = read_facts(place)
        check_files(place, facts)
        try:
            status = _trackable(self.gan).read(str(place / "state"))
            status.assert_existing_objects_matched()
        except (tf.errors.OpError, AssertionError, ValueError) as error:
            raise InputError(
                f"{place}: does not fit the nets of this run's config.yaml: is it another run's, or was the "
                f"config edited? ({' '.join(str(error).split())[:300]})"
            ) from error
        if weights_sha256(self.gan) != facts["weights_sha256"] or self.gan.steps_done != facts["step"]:
            raise DamagedError(f"{place}: is damaged: its weights are not those that were saved")
        return self.gan.steps_done

    def _find(self, which: str) -> Path:
        if not self.steps():
            raise InputError(f"{self.folder}: holds no checkpoint")
        if which == "last":
            return self._place(self.steps()[-1])
        best = self.best()
        if which == "best":
            if not best.steps():
                raise InputError(
                    f"--checkpoint best: {self.folder} has none; evaluation.every makes a training keep it"
                )
            return best._find("last")
        if not re.fullmatch("[0-9]{1,12}", which):
            raise InputError(
                f"--checkpoint {which}: must be last, best, or a step such as {self.steps()[-1]}"
            )
        for checkpoints in (self, best):
            if int(which) in checkpoints.steps():
                return checkpoints._place(int(which))
        there = ", ".join(map(str, self.steps())) + (f", best: {best.steps()[-1]}" if best.steps() else "")
        raise InputError(f"--checkpoint {which}: {self.folder} has these steps: {there}")


class BestCheckpoints(Checkpoints):
    """Those kept for their score: the newest is the best so far.

    Beside it stays the best as of the run's newest checkpoint: a run that goes on from there, with other
    noise after a rollback, may never come to the best so far.
    """

    def _superseded(self) -> list[int]:
        steps, saved = self.steps(), checkpoint_steps(self.folder.parent)
        to_go_on_with = [step for step in steps if saved and step <= saved[-1]]
        return [step for step in steps if step not in (steps[-1], *to_go_on_with[-1:])]


def describe_checkpoints(folder: Path) -> list[dict[str, Any]]:
    """Of each checkpoint below `folder`, oldest first and the best last: JSON values.

    `step`, `bytes`, `best` (whether it is the one kept for its score) and `whole` (whether it is as it was
    saved).
    """
    places = [(folder / f"step_{step:06d}", step, False) for step in checkpoint_steps(folder)]
    best = folder / BEST
    places += [(best / f"step_{step:06d}", step, True) for step in checkpoint_steps(best)[-1:]]
    return [
        {"step": step, "bytes": folder_bytes(place), "best": kept_as_best, "whole": _is_whole(place)}
        for place, step, kept_as_best in places
    ]


def _is_whole(place: Path) -> bool:
    try:
        check_files(place, read_facts(place))
    except DamagedError:
        return False
    return True


def read_facts(place: Path) -> dict[str, Any]:
    """What a checkpoint's checkpoint.json holds. Raises DamagedError if it isn't as it was saved."""
    try:
        facts = json.loads((place / FACTS).read_text(encoding="utf-8"))
        if facts.pop("sha256") != _sha256(facts) or place.name != f"step_{facts['step']:06d}":
            raise ValueError("it was altered")
    except (OSError, ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
        raise DamagedError(f"{place}: is damaged: {FACTS}: {error}") from error
    return facts


def check_files(place: Path, facts: dict[str, Any]) -> None:
    """Raise DamagedError if a file of the checkpoint is missing or not as it was saved."""
    for name, saved in facts["files"].items():
        try:
            now = _file_sha256(place / name)
        except OSError as error:
            raise DamagedError(f"{place}: is damaged: {name}: {error.strerror}") from error
        if now != saved:
            raise DamagedError(f"{place}: is damaged: {name} is not as it was saved")


def _trackable(gan: GAN) -> tf.train.Checkpoint:
    return tf.train.Checkpoint(
        generator=gan.generator,
        discriminator=gan.discriminator,
        generator_optimizer=gan.combined.optimizer,
        discriminator_optimizer=gan.critic.optimizer,
        generator_seeds=seed_states(gan.generator),
        discriminator_seeds=seed_states(gan.discriminator),
    )


def _sha256(facts: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _file_sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(2**20):  # hashlib.file_digest is from Python 3.11 on
            digest.update(block)
    return digest.hexdigest()
