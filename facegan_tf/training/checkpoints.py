"""Checkpoints of everything that a step depends on: complete or absent, the newest few kept.

A checkpoint is a folder `step_000500/` with TensorFlow's `state.*` files and `checkpoint.json`. It
holds both nets, both optimizers and the states of the nets' dropout seeds, so that training goes
on from it to the very same weights. Images and latents need nothing: they follow from the step.
"""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from facegan_tf.errors import FaceganError, InputError
from facegan_tf.files import atomic_folder, remove_folder, write_json
from facegan_tf.gan import GAN
from facegan_tf.training.run_directory import BEST, checkpoint_steps


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

    def save(self, **notes: Any) -> Path:
        """Save the state as it is, under the number of steps done; return the checkpoint's folder.

        notes: JSON values to keep with it, which `newest_notes` gives back. Raises FaceganError if a weight
        is not finite: such a state is never worth going back to.
        """
        step = self.gan.steps_done
        place = self._place(step)
        if place.exists():  # a run that ends on a checkpoint's step, or was resumed and stopped at once
            return place
        _check_finite(self.gan)
        with atomic_folder(place) as partial:
            _trackable(self.gan).write(str(partial / "state"))
            facts = {"step": step, "weights_sha256": weights_sha256(self.gan), "notes": notes}
            write_json(partial / "checkpoint.json", facts)
        for old in self.steps()[: -self.keep]:
            remove_folder(self._place(old))
        return place

    def newest_notes(self) -> dict[str, Any]:
        """What was noted with the newest checkpoint; nothing, if it is from before there were notes."""
        return self._facts(self._place(self.steps()[-1])).get("notes", {})

    def best(self) -> "Checkpoints":
        """Those kept apart for their score, in best/: one, the best so far."""
        return Checkpoints(self.gan, self.folder / BEST)

    def _place(self, step: int) -> Path:
        return self.folder / f"step_{step:06d}"

    def _facts(self, place: Path) -> dict[str, Any]:
        return json.loads((place / "checkpoint.json").read_text(encoding="utf-8"))

    def restore(self, which: str = "last") -> int:
        """Restore the checkpoint `last`, `best` or of a step, `500`; return its step.

        Raises InputError if there is none such, or if it is damaged.
        """
        place = self._find(which)
        way_out = "remove that folder to go back to the checkpoint before, or to the start if there is none"
        try:
            status = _trackable(self.gan).read(str(place / "state"))
            status.assert_existing_objects_matched()
        except (tf.errors.OpError, AssertionError, ValueError) as error:
            raise InputError(
                f"{place}: does not fit the nets of this config, or is damaged: {error}\n{way_out}"
            ) from error
        if weights_sha256(self.gan) != self._facts(place)["weights_sha256"]:
            raise InputError(f"{place}: is damaged: its weights are not those that were saved; {way_out}")
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


def weights_sha256(gan: GAN) -> str:
    """SHA-256 of all weights' bytes, the generator's and then the discriminator's, in layer order."""
    digest = hashlib.sha256()
    for model in (gan.generator, gan.discriminator):
        for array in model.get_weights():
            digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def seed_states(model: keras.Model) -> list[tf.Variable]:
    """The states of the model's dropout seeds, which no Keras format saves."""
    return [v.value for v in model.variables if "seed_generator_state" in v.path]


def _trackable(gan: GAN) -> tf.train.Checkpoint:
    return tf.train.Checkpoint(
        generator=gan.generator,
        discriminator=gan.discriminator,
        generator_optimizer=gan.combined.optimizer,
        discriminator_optimizer=gan.critic.optimizer,
        generator_seeds=seed_states(gan.generator),
        discriminator_seeds=seed_states(gan.discriminator),
    )


def _check_finite(gan: GAN) -> None:
    for model in (gan.generator, gan.discriminator):
        for variable in model.weights:
            if not np.isfinite(variable.numpy()).all():
                raise FaceganError(
                    f"{model.name}: weights of {variable.path} are not finite; nothing was saved. "
                    "The checkpoint before is still there; try a lower optimizers.*.learning_rate"
                )
