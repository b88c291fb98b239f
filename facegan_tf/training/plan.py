"""A run's derived numbers, and the checks that come before any work."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from facegan_tf.common.errors import InputError
from facegan_tf.common.files import folder_bytes, writable_parent
from facegan_tf.config.settings import Config
from facegan_tf.data.locate import Located
from facegan_tf.evaluation.metrics import METRICS, minimum_count
from facegan_tf.model.costs import StepCosts, step_costs, trainable_parameters
from facegan_tf.model.gan import GAN
from facegan_tf.model.state import state_bytes

GIB = 2**30


@dataclass(frozen=True)
class Plan:
    """What a run will do and need."""

    located: Located
    batch_size: int
    steps: int
    costs: StepCosts
    parameters: tuple[int, int]
    """Trainable parameters of the generator and of the discriminator."""
    disk_bytes: int
    """Most that the run directory will hold."""
    epochs_missed: tuple[int, ...]
    """Epochs whose faces are to be kept, but which lie beyond the end."""

    @property
    def steps_an_epoch(self) -> float:
        """Steps until every image has been seen once more."""
        return self.located.count / self.batch_size

    def describe(self) -> list[str]:
        """The plan in words, a fact a line."""
        generator, discriminator = self.parameters
        state = "prepared" if self.located.store else "not prepared yet, so counted as files"
        store_bytes = 3 * self.located.count * self.located.data.size**2
        lines = [
            f"store            {self.located.folder} ({state})",
            f"images           {self.located.count:,}, {store_bytes / GIB:.2f} GiB",
            f"steps an epoch   {self.steps_an_epoch:,.2f}",
            f"epochs           {self.steps / self.steps_an_epoch:,.2f} in {self.steps:,} steps",
            f"images in all    {self.steps * self.batch_size:,} ({self.batch_size} a step)",
            f"parameters       generator {generator:,}, discriminator {discriminator:,}",
            f"a step           {self.costs.flops / 1e9:,.1f} GFLOPs",
            f"estimated memory {self.costs.memory_bytes / GIB:.2f} GiB, besides TensorFlow itself",
            f"disk needed      at most {self.disk_bytes / GIB:.2f} GiB for the run",
        ]
        if self.epochs_missed:
            missed = ", ".join(map(str, self.epochs_missed))
            lines.append(f"note             the run ends before these of grids.epochs: {missed}")
        return lines


def make_plan(gan: GAN, located: Located, run_folder: Path) -> Plan:
    """Check the place and the number of images, and derive the run's numbers.

    Raises InputError for a place that can't be written to or is too small, and for fewer images than a
    batch takes.
    """
    config = gan.config
    check_images(config, located.count)
    steps = config.training.total_steps(located.count)
    epochs = config.training.whole_epochs(steps, located.count)
    named = () if config.grids.epochs == "each" else config.grids.epochs
    plan = Plan(
        located=located,
        batch_size=config.training.batch_size,
        steps=steps,
        costs=step_costs(gan, config.training.batch_size),
        parameters=(trainable_parameters(gan.generator), trainable_parameters(gan.discriminator)),
        disk_bytes=_disk_bytes(gan, config, steps, epochs),
        epochs_missed=tuple(epoch for epoch in named if epoch > epochs),
    )
    free = shutil.disk_usage(writable_parent(run_folder)).free
    needed = plan.disk_bytes - folder_bytes(run_folder)  # of a run that goes on, much is there already
    if free < needed:
        raise InputError(
            f"--out {run_folder}: {free / GIB:.2f} GiB are free there, the run may need "
            f"{needed / GIB:.2f} more; make room, raise grids.every, or lower training.keep_checkpoints"
        )
    return plan


def check_images(config: Config, images: int) -> None:
    """Raise InputError if there are fewer images than one batch takes, or than can be compared."""
    if images < 2:
        raise InputError(f"data.source: {config.data.source} has {images} image; bring 2 or more")
    if images < config.training.batch_size:
        raise InputError(
            f"training.batch_size: {config.training.batch_size} is more than the {images} images of "
            f"{config.data.source}; lower it, or bring more images"
        )
    if config.evaluation.every and images < minimum_count(METRICS):
        raise InputError(
            f"evaluation.every: {config.evaluation.every}: {images} images are too few to score; bring "
            f"{minimum_count(METRICS)} or more, or set evaluation.every=null"
        )


def _disk_bytes(gan: GAN, config: Config, steps: int, epochs: int) -> int:
    checkpoints = config.training.keep_checkpoints + 1  # one more while it is written
    every = config.evaluation.every
    if every:
        checkpoints += 3  # the best, the one before, and one more while it is written
    grid = 3 * (config.grids.side * config.data.size) ** 2  # a PNG of noise is as large as its pixels
    # TensorBoard has a copy, and another as a run that goes on puts it in order.
    grids = 3 * grid * (steps // config.grids.every + 1)
    named = config.grids.epochs
    kept_epochs = epochs if named == "each" else sum(epoch <= epochs for epoch in set(named))
    lines = 300 * (steps // config.training.log_every + 1) + 500 * (steps // config.grids.every + 1)
    evaluations = 4000 * (steps // every + 1) if every else 0
    return state_bytes(gan) * checkpoints + grids + 2 * grid * kept_epochs + lines + evaluations
