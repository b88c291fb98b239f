"""Settings of what both nets minimise."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from facegan_tf.config.base import Settings, WrongSetting
from facegan_tf.config.schedule import Number, scheduled


class _Penalty:
    """Marks the weight of a penalty."""


PenaltyWeight = Annotated[Number, scheduled(ge=0), _Penalty()]
"""Weight of a term that the discriminator minimises besides its loss; 0: none; may be a schedule.

The module in model/objectives with the setting's name computes the term.
"""


class ObjectiveSettings(Settings):
    """The losses of both nets, their targets and penalties."""

    loss: Literal["bce", "hinge", "least_squares", "relativistic"] = "bce"
    """Loss of both nets; each is the module in model/objectives with its name.

    `bce`: binary cross-entropy between the discriminator's logits and the targets below, which the other
    losses ignore, like `label_noise`.
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
    """Whether the generator's update reuses the latents of the discriminator's last update."""
    r1: PenaltyWeight = 0.0
    """Gamma of R1: gamma / 2 times the mean squared norm of the discriminator's gradient at the reals."""
    r2: PenaltyWeight = 0.0
    """Gamma of R2: the same at the fakes."""

    penalty_every: int = Field(default=1, ge=1)
    """Steps from one penalty to the next; its weight is multiplied by this number (lazy regularisation)."""

    @model_validator(mode="after")
    def _lazy_penalties_are_there(self) -> "ObjectiveSettings":
        weights = self.penalty_weights()
        if self.penalty_every > 1 and not any(weights.values()):
            problem = (
                f"there is no penalty to compute; give a weight to {' or '.join(weights)}, or leave it out"
            )
            raise WrongSetting("penalty_every", self.penalty_every, problem)
        return self

    def penalty_weights(self) -> dict[str, Number]:
        """The weights of all penalties by name, including those that are 0."""
        fields = type(self).model_fields.items()
        names = [name for name, field in fields if any(isinstance(each, _Penalty) for each in field.metadata)]
        return {name: getattr(self, name) for name in names}
