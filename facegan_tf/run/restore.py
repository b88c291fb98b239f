"""The trained nets of a run directory."""

from pathlib import Path

from facegan_tf.common.errors import InputError
from facegan_tf.config.load import load_config
from facegan_tf.model.gan import GAN, build_gan
from facegan_tf.run.checkpoints import Checkpoints
from facegan_tf.run.directory import RunDirectory


def restore_run(path: str | Path, checkpoint: str = "last") -> tuple[GAN, RunDirectory]:
    """The GAN of a run directory at a checkpoint, and the paths in that directory.

    The GAN's `generator` and `discriminator` are the trained nets, Keras models; `steps_done` says for how
    many steps. checkpoint: as for `load_generator`. Raises InputError if there is no run or no such
    checkpoint.
    """
    path = Path(path)
    run = RunDirectory(path)
    if not run.exists():
        if is_savedmodel(path):
            raise InputError(f"{path}: is a SavedModel; give the run directory that it was exported from")
        raise InputError(f"{path}: is neither a run directory (no config.yaml) nor a SavedModel")
    gan = build_gan(load_config(run.config))
    Checkpoints(gan, run.checkpoints).restore(checkpoint)
    return gan, run


def is_savedmodel(path: Path) -> bool:
    """Whether the folder has a SavedModel's file; loading it says whether it is one of ours."""
    return (path / "saved_model.pb").is_file()
