"""Settings of what both nets minimise."""

from typing import Literal

from pydantic import Field

from facegan_tf.config.base import Settings


class ObjectiveSettings(Settings):
    """Targets of the binary cross-entropy that both nets learn by."""

    loss: Literal["bce"] = "bce"
    """Name of the adversarial loss: its module in model/objectives."""
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
