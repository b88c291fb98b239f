"""Loads the trained nets of a run directory."""

from dataclasses import dataclass
from pathlib import Path

import keras

from facegan_tf.common.errors import InputError
from facegan_tf.config.load import load_config
from facegan_tf.model.build import build_gan
from facegan_tf.model.gan import GAN
from facegan_tf.run.checkpoints import Checkpoints
from facegan_tf.run.directory import RunDirectory


@dataclass(frozen=True)
class RunState:
    """Which state of a run draws the faces."""

    checkpoint: str = "last"
    """`last`, `best` (by the run's evaluations), or a step such as `500`."""
    weights: str = "ema"
    """`ema`: the generator's moving average, where the run keeps one; `raw`: the generator itself."""

    def net_of(self, gan: GAN) -> keras.Model:
        """The net that draws. Raises InputError if `weights` is neither `ema` nor `raw`."""
        if self.weights not in ("ema", "raw"):
            raise InputError("weights", self.weights, "must be ema or raw")
        return gan.sampler if self.weights == "ema" else gan.generator

    def weights_of(self, gan: GAN) -> str:
        """The weights that this net has: `ema`, or `raw`, also if the run keeps no average."""
        return "raw" if self.net_of(gan) is gan.generator else "ema"


LAST = RunState()
"""The newest checkpoint, and the average if there is one."""


def restore_run(path: str | Path, checkpoint: str = "last") -> tuple[GAN, RunDirectory]:
    """The GAN of a run directory at a checkpoint, and the directory's paths.

    The GAN's `generator` and `discriminator` are the trained nets, as Keras models. Its `sampler` is the
    generator's moving average, or the generator if the run has none; `steps_done` is the checkpoint's step.

    checkpoint: `last`, `best`, or a step such as `500`. Raises InputError if there is no run or no such
    checkpoint.
    """
    path = Path(path)
    run = RunDirectory(path)
    if not run.exists():
        if is_savedmodel(path):
            raise InputError(None, path, "is a SavedModel; give the run directory that it was exported from")
        raise InputError(None, path, "is neither a run directory (it has no config.yaml) nor a SavedModel")
    gan = build_gan(load_config(run.config))
    Checkpoints(gan, run.checkpoints).restore(checkpoint)
    return gan, run


def is_savedmodel(path: Path) -> bool:
    """Whether the folder holds a SavedModel; only loading it shows whether we exported it."""
    return (path / "saved_model.pb").is_file()
