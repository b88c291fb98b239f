"""A run's derived numbers, and the checks that come before any work."""

import math
import shutil
from dataclasses import dataclass
from pathlib import Path

from facegan_tf.config import Config
from facegan_tf.costs import StepCosts, step_costs
from facegan_tf.data.cache import store_folder
from facegan_tf.data.sources import open_source
from facegan_tf.data.store import FaceStore, is_store
from facegan_tf.errors import InputError
from facegan_tf.gan import GAN

GIB = 2**30


@dataclass(frozen=True)
class Plan:
    """What a run will do and need."""

    store: Path
    prepared: bool
    """Whether the store exists already; if not, `images` counts the source's files."""
    images: int
    batch_size: int
    steps: int
    costs: StepCosts
    parameters: tuple[int, int]
    """Trainable parameters of the generator and of the discriminator."""
    disk_bytes: int
    """Most that the run directory will hold."""

    @property
    def steps_an_epoch(self) -> float:
        """Steps until every image has been seen once more."""
        return self.images / self.batch_size

    def describe(self) -> list[str]:
        """The plan in words, a fact a line."""
        generator, discriminator = self.parameters
        state = "prepared" if self.prepared else "not prepared yet, so counted as files"
        return [
            f"store            {self.store} ({state})",
            f"images           {self.images:,}",
            f"steps an epoch   {self.steps_an_epoch:,.2f}",
            f"epochs           {self.steps / self.steps_an_epoch:,.2f} in {self.steps:,} steps",
            f"images in all    {self.steps * self.batch_size:,} ({self.batch_size} a step)",
            f"parameters       generator {generator:,}, discriminator {discriminator:,}",
            f"a step           {self.costs.flops / 1e9:,.1f} GFLOPs",
            f"estimated memory {self.costs.memory_bytes / GIB:.2f} GiB, besides TensorFlow itself",
            f"disk needed      at most {self.disk_bytes / GIB:.2f} GiB for the run",
        ]


def make_plan(gan: GAN, run_folder: Path) -> Plan:
    """Check the data and the disk, and derive the run's numbers.

    Raises InputError for a source that can't be used, fewer images than a batch, or too small a disk.
    """
    config = gan.config
    store = store_folder(config.data)
    prepared = is_store(store)
    count = len(FaceStore.open(store)) if prepared else len(open_source(config.data.source).names)
    plan = Plan(
        store=store,
        prepared=prepared,
        images=min(count, config.data.limit or count),
        batch_size=config.training.batch_size,
        steps=config.training.steps,
        costs=step_costs(gan, config.training.batch_size),
        parameters=(_trainable(gan.generator), _trainable(gan.discriminator)),
        disk_bytes=_disk_bytes(gan, config),
    )
    check_images(config, plan.images)
    free = shutil.disk_usage(_nearest_existing(run_folder)).free
    if free < plan.disk_bytes:
        raise InputError(
            f"--out {run_folder}: {free / GIB:.2f} GiB are free there, the run may need "
            f"{plan.disk_bytes / GIB:.2f}; make room, raise grids.every, or lower training.keep_checkpoints"
        )
    return plan


def check_images(config: Config, images: int) -> None:
    """Raise InputError if there are fewer images than one batch takes."""
    if images < config.training.batch_size:
        raise InputError(
            f"training.batch_size: {config.training.batch_size} is more than the {images} images of "
            f"{config.data.source}; lower it, or bring more images"
        )


def _trainable(model) -> int:  # type: ignore[no-untyped-def]
    return sum(math.prod(weight.shape) for weight in model.trainable_weights)


def _disk_bytes(gan: GAN, config: Config) -> int:
    values = sum(m.count_params() for m in (gan.generator, gan.discriminator))
    values += sum(math.prod(v.shape) for m in (gan.critic, gan.combined) for v in m.optimizer.variables)
    checkpoints = 4 * values * (config.training.keep_checkpoints + 1)  # one more while it is written
    grid = 3 * (config.grids.side * config.data.size) ** 2  # a PNG of noise is as large as its pixels
    grids = 2 * grid * (config.training.steps // config.grids.every + 1)  # TensorBoard has a copy
    lines = 300 * (config.training.steps // config.training.log_every + 1)
    return checkpoints + grids + lines


def _nearest_existing(path: Path) -> Path:
    path = path.absolute()
    return next(p for p in [path, *path.parents] if p.exists())
