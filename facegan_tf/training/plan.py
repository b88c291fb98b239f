"""The numbers that follow from a config, and the checks that come before any work."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from facegan_tf.common.errors import InputError
from facegan_tf.common.files import folder_bytes, writable_parent
from facegan_tf.common.memory import Memory, device_memory
from facegan_tf.config.settings import Config
from facegan_tf.data.locate import Located
from facegan_tf.evaluation.metrics import METRICS, minimum_count
from facegan_tf.model.costs import StepCosts, largest_batch, step_costs, trainable_parameters
from facegan_tf.model.gan import GAN
from facegan_tf.model.precision import has_fast_bfloat16
from facegan_tf.model.state import state_bytes
from facegan_tf.training.devices import ONE, Devices

GIB = 2**30

COMFORTABLE = 0.8
"""Share of the free memory that a step may take without a warning: the estimate is not exact."""


@dataclass(frozen=True)
class Plan:
    """What a run will do and need."""

    located: Located
    devices: Devices
    images_per_step: int
    steps: int
    costs: StepCosts
    device_costs: StepCosts
    """Costs of the share of a step that one device's memory must hold."""
    parameters: tuple[int, int]
    """Trainable parameters of the generator and of the discriminator."""
    disk_bytes: int
    """The most that the run directory will hold."""
    notes: tuple[str, ...]
    """Warnings that don't stop the run."""

    @property
    def steps_an_epoch(self) -> float:
        """Steps until every image has been seen once more."""
        return self.located.count / self.images_per_step

    def describe(self) -> list[str]:
        """The plan as text for people, one fact per line."""
        generator, discriminator = self.parameters
        state = "prepared" if self.located.store else "not prepared yet, so files are counted"
        store_bytes = 3 * self.located.count * self.located.data.size**2
        held_out = self.located.data.held_out
        return [
            f"store            {self.located.folder} ({state})",
            f"images           {self.located.count:,}, {_gib(store_bytes)}"
            + (f"; {held_out:,} more are held out" if held_out else ""),
            f"steps an epoch   {self.steps_an_epoch:,.2f}",
            f"epochs           {self.steps / self.steps_an_epoch:,.2f} in {self.steps:,} steps",
            f"images in all    {self.steps * self.images_per_step:,} ({self.images_per_step} a step)",
            f"parameters       generator {generator:,}, discriminator {discriminator:,}",
            f"a step           {self.costs.flops / 1e9:,.1f} GFLOPs",
            f"estimated memory {_gib(self.device_costs.memory_bytes)}, besides TensorFlow itself",
            f"disk needed      at most {_gib(self.disk_bytes)} for the run",
            *self.devices.describe(),
            *(f"note             {note}" for note in self.notes),
        ]


def make_plan(gan: GAN, located: Located, run_folder: Path, devices: Devices = ONE) -> Plan:
    """Check images, memory and disk, and derive the run's numbers.

    Raises InputError if there are fewer images than a batch takes, if a step needs more memory than there is,
    or if the folder can't be written to or has too little room.
    """
    config = gan.config
    if located.store or config.data.faces != "all":  # else checked once the faces are found
        check_images(config, located.count)
    steps = config.training.total_steps(located.count)
    epochs = config.training.whole_epochs(steps, located.count)
    costs = step_costs(gan, config.training.batch_size)
    shares = devices.shares_of_memory
    of_device = step_costs(gan, config.training.batch_size // shares)
    plan = Plan(
        located=located,
        devices=devices,
        images_per_step=config.training.images_per_step,
        steps=steps,
        costs=costs,
        device_costs=of_device,
        parameters=(trainable_parameters(gan.generator), trainable_parameters(gan.discriminator)),
        disk_bytes=_disk_bytes(gan, config, steps, epochs),
        notes=(
            *check_memory(gan, of_device, device_memory(), shares),
            *_missed_epochs(config, epochs),
            *_missed_penalties(config, steps),
            *_slow_precision(config),
        ),
    )
    _check_disk(plan, run_folder)
    return plan


def check_images(config: Config, images: int) -> None:
    """Raise InputError if there are too few images for a batch, or to be scored.

    images: number of images to learn from; below 0 if more are held out than there are.
    """
    held_out = config.data.held_out
    if images < 2 and held_out:
        problem = (
            f"leaves {max(images, 0)} of {images + held_out} images to learn from, and training needs 2 or "
            "more; lower it, or use more images"
        )
        raise InputError("data.held_out", held_out, problem)
    if images < 2:
        problem = f"has {images} image{'s' * (images != 1)}; training needs 2 or more"
        raise InputError("data.source", config.data.source, problem)
    if images < config.training.batch_size:
        raise InputError(
            "training.batch_size",
            config.training.batch_size,
            f"is more than the {images} images of {config.data.source}"
            + (" that are not held out" if held_out else "")
            + "; lower it, or add images",
        )
    if config.evaluation.every and (held_out or images) < minimum_count(METRICS):
        what = f"{held_out} images held out" if held_out else f"{images} images"
        raise InputError(
            "evaluation.every",
            config.evaluation.every,
            f"{what} are too few to score; use {minimum_count(METRICS)} or more, or set "
            "evaluation.every=null",
        )


def check_memory(gan: GAN, costs: StepCosts, memory: Memory | None, shares: int = 1) -> list[str]:
    """A warning if a step takes nearly all free memory. Raises InputError if it needs more than there is.

    costs: those of a step, or of a device's share of it, one of `shares`. memory: that of the device that the
    run computes on; None if it is not known.
    """
    if memory is None:
        return []
    needed, available = costs.memory_bytes, memory.total - memory.ours
    comfortable = int(COMFORTABLE * min(memory.free, available))
    if needed <= comfortable:
        return []
    fits = largest_batch(gan, comfortable) * shares
    way_out = (
        f"the largest batch size that fits is {fits}"
        if fits
        else "not even a batch of 1 fits; lower data.size or the channels of the networks"
    )
    if needed > available:
        raise InputError(
            "training.batch_size",
            gan.config.training.batch_size,
            f"a step would need about {_gib(needed)}, more than the {_gib(memory.total)} of {memory.place}; "
            + way_out,
        )
    return [
        f"warning: a step needs about {_gib(needed)}, and {_gib(memory.free)} of {memory.place} are free: "
        f"training may run out of memory; {way_out}"
    ]


def _missed_epochs(config: Config, epochs: int) -> list[str]:
    """A note if faces are to be kept after epochs that the run, of `epochs` epochs, doesn't reach."""
    named = () if config.grids.epochs == "each" else config.grids.epochs
    missed = ", ".join(str(epoch) for epoch in named if epoch > epochs)
    return [f"the run ends before these of grids.epochs: {missed}"] if missed else []


def _missed_penalties(config: Config, steps: int) -> list[str]:
    """A note if a run of this many steps ends before its first lazy penalty."""
    every = config.objective.penalty_every
    return (
        [f"the run ends before its first penalty, at step {every:,}: objective.penalty_every"]
        if every > steps
        else []
    )


def _slow_precision(config: Config) -> list[str]:
    """A note if the run computes in bfloat16 on a device that has no instructions for it."""
    if config.training.precision != "bfloat16" or has_fast_bfloat16():
        return []
    return [
        "warning: this machine has no instructions for bfloat16, so a step may take several times as long as "
        "in float32: training.precision"
    ]


def _check_disk(plan: Plan, run_folder: Path) -> None:
    free = shutil.disk_usage(writable_parent(run_folder)).free
    needed = plan.disk_bytes - folder_bytes(run_folder)  # a resumed run has written much of it already
    if free < needed:
        raise InputError(
            "out",
            run_folder,
            f"has {_gib(free)} of free disk space, and the run may need {_gib(needed)} more; free some, "
            "raise grids.every, or lower training.keep_checkpoints",
        )


def _disk_bytes(gan: GAN, config: Config, steps: int, epochs: int) -> int:
    checkpoints = config.training.keep_checkpoints + 1  # one more while it is written
    every = config.evaluation.every
    if every:
        checkpoints += 3  # the best, the one before it, and one more while it is written
    grid = 3 * (config.grids.side * config.data.size) ** 2  # a PNG of noise is as large as its pixels
    # TensorBoard has a copy, and another one while a resumed run rewrites the log.
    grids = 3 * grid * (steps // config.grids.every + 1)
    named = config.grids.epochs
    kept_epochs = epochs if named == "each" else sum(epoch <= epochs for epoch in set(named))
    lines = 300 * (steps // config.training.log_every + 1) + 500 * (steps // config.grids.every + 1)
    evaluations = 4000 * (steps // every + 1) if every else 0
    return state_bytes(gan) * checkpoints + grids + 2 * grid * kept_epochs + lines + evaluations


def _gib(number: int) -> str:
    return f"{number / GIB:,.2f} GiB"
