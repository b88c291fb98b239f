"""Settings of what both nets minimise."""

from typing import Literal

from pydantic import Field

from facegan_tf.config.base import Settings


class PenaltySettings(Settings):
    """Weights of the penalties that the discriminator minimises beside its loss; 0: none.

    Each is computed by the module of its name in model/objectives.
    """

    r1: float = Field(default=0.0, ge=0)
    """Gamma of R1: gamma / 2 times the mean squared norm of the discriminator's gradient at the reals."""
    r2: float = Field(default=0.0, ge=0)
    """Gamma of R2: the same at the fakes."""


class ObjectiveSettings(PenaltySettings):
    """What both nets minimise."""

    loss: Literal["bce", "hinge", "least_squares", "relativistic"] = "bce"
    """Adversarial loss: the module of this name in model/objectives. Targets are those of bce."""
    real_target: float = Field(default=1.0, ge=0, le=1)
    fake_target: float = Field(default=0.0, ge=0, le=1)
    generator_target: float = Field(default=1.0, ge=0, le=1)
    """What the generator wants the discriminator to say of its fakes."""
    label_noise: float = Field(default=0.0, ge=0, le=1)
    """Each target that the discriminator learns from gets this times U(0, 1) added."""
    batching: Literal["joint", "split"] = "joint"
    """How the discriminator learns from reals and fakes.

    `joint`: as one batch, by its mean loss. `split`: apart, each normalised by its own statistics, by
    the sum of both mean losses.
    """
    reuse_latents: bool = False
    """Whether the generator learns from the discriminator's fakes once more, or from fresh ones."""
