"""Settings of the optimizers."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from facegan_tf.config.base import Settings, WrongSetting
from facegan_tf.config.schedule import Number, Schedule, scheduled


class _OptimizerSettings(Settings):
    """Settings of every optimizer."""

    learning_rate: Annotated[Number, scheduled(gt=0)]
    """Learning rate; may be a schedule."""
    decay: float = Field(default=0.0, ge=0)
    """Decay of the learning rate, which is learning_rate / (1 + decay * t) at step t."""
    clipvalue: float | None = Field(default=None, gt=0)
    """Bound on each gradient element, which is clipped to [-clipvalue, clipvalue]; null: no clipping."""

    @model_validator(mode="after")
    def _rate_changes_in_one_way(self) -> Self:
        if self.decay and isinstance(self.learning_rate, Schedule):
            problem = "is for a constant learning_rate; remove it, or give learning_rate as one number"
            raise WrongSetting("decay", self.decay, problem)
        return self


class RMSpropSettings(_OptimizerSettings):
    """RMSprop (Tieleman and Hinton, 2012)."""

    name: Literal["rmsprop"]
    rho: float = Field(default=0.9, ge=0, lt=1)
    """Share of the running mean of squared gradients that is kept at each step."""
    epsilon: float = Field(default=1e-7, gt=0)
    """Constant added to the root of the mean of squared gradients."""


class AdamSettings(_OptimizerSettings):
    """Adam (Kingma and Ba, 2015)."""

    name: Literal["adam"]
    beta1: float = Field(default=0.9, ge=0, lt=1)
    """Share of the running mean of gradients that is kept at each step."""
    beta2: Annotated[Number, scheduled(ge=0, lt=1)] = 0.999
    """Share of the running mean of squared gradients that is kept at each step; may be a schedule."""
    epsilon: float = Field(default=1e-8, gt=0)
    """Constant added to the root of the bias-corrected mean of squared gradients."""


class SGDSettings(_OptimizerSettings):
    """Gradient descent with momentum."""

    name: Literal["sgd"]
    momentum: float = Field(default=0.0, ge=0, lt=1)
    """Share of the previous update that is added to the next."""


OptimizerSettings = Annotated[RMSpropSettings | AdamSettings | SGDSettings, Field(discriminator="name")]


class OptimizersSettings(Settings):
    """Optimizers of both nets."""

    discriminator: OptimizerSettings
    generator: OptimizerSettings
