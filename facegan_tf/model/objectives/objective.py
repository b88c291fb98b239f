"""The objective: what both nets minimise, as named terms.

Each loss is a module of its name beside this one, with a class `Loss` (see `AdversarialLoss`). Each penalty
is one too, with a function `penalty` and its `UNIT` (see `PenaltyModule`). Nothing else knows the formulas:
logs, curves and statistics take the names, labels and units from here.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import keras
import tensorflow as tf

from facegan_tf.config.objective import ObjectiveSettings
from facegan_tf.config.schedule import Number
from facegan_tf.model.replica import current_replica
from facegan_tf.model.run_clock import RunClock

Terms = dict[str, tf.Tensor]
"""Scalars by the names under which they are logged; their sum is minimised."""


@dataclass(frozen=True)
class DiscriminatorBatch:
    """What the discriminator learns from in one step. N is the batch size."""

    discriminator: keras.Model
    """The net itself."""
    logits_of_fakes: Callable[[tf.Tensor], tf.Tensor]
    """Another pass, in training mode: images -> logits, through this step's augmentation of the fakes.

    It computes in float32 under any precision: gradients of gradients need the accuracy.
    """
    logits_of_reals: Callable[[tf.Tensor], tf.Tensor]
    """The same through the augmentation of the reals."""
    latents: tf.Tensor
    """float32 [N, L], from which the fakes were made."""
    fakes: tf.Tensor
    """float32 [N, S, S, 3]; no gradient flows back through them to the generator."""
    reals: tf.Tensor
    """float32 [N, S, S, 3] in [-1, 1]."""
    logits: tf.Tensor
    """float32 [2N, 1]: those of the fakes, then those of the reals."""
    label_noise: tf.Tensor
    """U(0, 1) float32 [2N, 1], in the order of the logits."""

    @property
    def fake_logits(self) -> tf.Tensor:
        """float32 [N, 1]."""
        return tf.split(self.logits, 2)[0]

    @property
    def real_logits(self) -> tf.Tensor:
        """float32 [N, 1]."""
        return tf.split(self.logits, 2)[1]


@dataclass(frozen=True)
class GeneratorBatch:
    """What the generator learns from in one step. N is the batch size."""

    discriminator: keras.Model
    """Frozen in this step."""
    latents: tf.Tensor
    """float32 [N, L], from which the fakes were made."""
    fakes: tf.Tensor
    """float32 [N, S, S, 3]."""
    fake_logits: tf.Tensor
    """float32 [N, 1]."""
    real_logits: tf.Tensor | None
    """float32 [N, 1], of other reals than the discriminator's; None if the loss sees no reals."""


class AdversarialLoss(Protocol):
    """An adversarial loss of both nets: the class `Loss` of a module, made from the settings."""

    unit: str
    """What the numbers are, for the axis of a plot: "binary cross-entropy"."""
    generator_sees_reals: bool
    """Whether the generator's loss compares its fakes with reals."""

    def of_discriminator(self, batch: DiscriminatorBatch) -> tf.Tensor:
        """The scalar that the discriminator minimises."""

    def of_generator(self, batch: GeneratorBatch) -> tf.Tensor:
        """The scalar that the generator minimises."""


class PenaltyModule(Protocol):
    """A further term of the discriminator's loss: a module named after its weight in the settings."""

    UNIT: str
    """What the number is, for the axis of a plot."""

    def penalty(self, batch: DiscriminatorBatch) -> tf.Tensor:
        """The scalar that is multiplied by the weight."""


class Curve(NamedTuple):
    """How a logged number appears in plots and pages."""

    label: str
    unit: str
    """Numbers of one unit share a panel."""


class Objective:
    """An adversarial loss and penalties, as the terms of each net."""

    def __init__(
        self,
        loss: AdversarialLoss,
        penalties: dict[str, tuple[Number, PenaltyModule]],
        penalty_every: int,
        clock: RunClock,
    ):
        """penalties: (weight, module) by name. penalty_every: steps from one penalty to the next."""
        self.loss = loss
        self.penalties = penalties
        self.penalty_every = penalty_every
        self.clock = clock

    def discriminator_terms(self, batch: DiscriminatorBatch) -> Terms:
        """The terms whose sum the discriminator minimises."""
        return {"d_loss": self.loss.of_discriminator(batch)} | {
            name: self._penalty(batch, weight, module) for name, (weight, module) in self.penalties.items()
        }

    def _penalty(self, batch: DiscriminatorBatch, weight: Number, module: PenaltyModule) -> tf.Tensor:
        """The weighted penalty. A lazy one is 0 in most steps, and times `penalty_every` in the others.

        Karras et al., "Analyzing and Improving the Image Quality of StyleGAN" (2020), section 3.1.
        """
        every = self.penalty_every

        def weighted() -> tf.Tensor:
            penalty = module.penalty(batch)
            return tf.cast(every * self.clock.value_of(weight), penalty.dtype) * penalty

        if every == 1:
            return weighted()

        def nothing() -> tf.Tensor:
            return tf.zeros([], batch.logits.dtype)

        replica = current_replica()
        if replica is not None:
            return weighted() if replica.penalised else nothing()
        return tf.cond(self.penalty_is_due(), weighted, nothing)

    def penalty_is_due(self) -> tf.Tensor:
        """Whether lazy penalties are computed in this step: a boolean scalar."""
        return (self.clock.step + 1) % self.penalty_every == 0

    def logged(self, terms: dict[str, float], step: int) -> dict[str, float]:
        """The terms of step `step`, counted from 1, without penalties that were not computed in it."""
        if step % self.penalty_every == 0:
            return terms
        return {name: value for name, value in terms.items() if name not in self.penalties}

    def generator_terms(self, batch: GeneratorBatch) -> Terms:
        """The terms whose sum the generator minimises."""
        return {"g_loss": self.loss.of_generator(batch)}

    @property
    def curves(self) -> dict[str, Curve]:
        """Each term's label and unit, by its name."""
        return {
            "d_loss": Curve("discriminator", self.loss.unit),
            "g_loss": Curve("generator", self.loss.unit),
            **{name: Curve(name, each.UNIT) for name, (_, each) in self.penalties.items()},
        }


def build_objective(settings: ObjectiveSettings, clock: RunClock) -> Objective:
    """Build the objective that the settings describe. clock: drives schedules and lazy penalties."""
    weights = settings.penalty_weights()
    penalties = {name: (weight, _module(name)) for name, weight in weights.items() if weight}
    return Objective(_module(settings.loss).Loss(settings), penalties, settings.penalty_every, clock)


def _module(name: str) -> Any:
    return importlib.import_module(f"facegan_tf.model.objectives.{name}")
