"""The objective: what both nets minimise, as named terms.

A loss is the module of its name beside this one, with a class `Loss` (see `AdversarialLoss`). Nothing else
knows the formulas: logs, curves and statistics take the names, labels and units from here.
"""

import importlib
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import keras
import tensorflow as tf

from facegan_tf.config.objective import ObjectiveSettings

Terms = dict[str, tf.Tensor]
"""Scalars by the names under which they are logged; their sum is minimised."""


@dataclass(frozen=True)
class DiscriminatorBatch:
    """What the discriminator learns from in one step. N is the batch size."""

    discriminator: keras.Model
    """The net itself, for terms that need another pass, such as gradient penalties."""
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
    logits: tf.Tensor
    """float32 [N, 1], those of the fakes."""


class AdversarialLoss(Protocol):
    """The game between both nets. The class `Loss` of a module; it is made from the settings."""

    unit: str
    """What the numbers are, for the axis of a plot: "binary cross-entropy"."""

    def of_discriminator(self, batch: DiscriminatorBatch) -> tf.Tensor:
        """The scalar that the discriminator minimises."""

    def of_generator(self, batch: GeneratorBatch) -> tf.Tensor:
        """The scalar that the generator minimises."""


class Curve(NamedTuple):
    """How a logged number appears in plots and pages."""

    label: str
    unit: str
    """Numbers of one unit share a panel."""


class Objective:
    """An adversarial loss, as the terms of each net."""

    def __init__(self, loss: AdversarialLoss):
        self.loss = loss

    def discriminator_terms(self, batch: DiscriminatorBatch) -> Terms:
        """The terms whose sum the discriminator minimises."""
        return {"d_loss": self.loss.of_discriminator(batch)}

    def generator_terms(self, batch: GeneratorBatch) -> Terms:
        """The terms whose sum the generator minimises."""
        return {"g_loss": self.loss.of_generator(batch)}

    @property
    def curves(self) -> dict[str, Curve]:
        """Each term's label and unit, by its name."""
        return {
            "d_loss": Curve("discriminator", self.loss.unit),
            "g_loss": Curve("generator", self.loss.unit),
        }


def build_objective(settings: ObjectiveSettings) -> Objective:
    """The objective that the settings describe."""
    module = importlib.import_module(f"facegan_tf.model.objectives.{settings.loss}")
    return Objective(module.Loss(settings))
