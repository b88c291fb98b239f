"""Settings of the objective: what both nets minimise."""

from typing import Literal

from pydantic import Field

from facegan_tf.config.base import Settings


class ObjectiveSettings(Settings):
    """The loss of both nets and its targets."""

    loss: Literal["bce"] = "bce"
    """Loss of both nets; each has a module of its name in model/objectives.

    `bce`: binary cross-entropy between the discriminator's logits and the targets below.
    """
    real_target: float = Field(default=1.0, ge=0, le=1)
    """Target for reals in the discriminator's step."""
    fake_target: float = Field(default=0.0, ge=0, le=1)
    """Target for fakes in the discriminator's step."""
    generator_target: float = Field(default=1.0, ge=0, le=1)
    """Target for fakes in the generator's step."""
    label_noise: float = Field(default=0.0, ge=0, le=1)
    """Factor on the noise from U(0, 1) that is added to each target in the discriminator's step."""
    batching: Literal["joint", "split"] = "joint"
    """Batches in which the discriminator sees reals and fakes.

    `joint`: in one batch, which gives one mean loss. `split`: in two batches, so that batch normalisation
    uses the statistics of each; the loss is the sum of both means.
    """
    reuse_latents: bool = False
    """Whether the generator's step uses the latents of the discriminator's step, or draws new ones."""
