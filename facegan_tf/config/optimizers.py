"""Settings of the optimizers."""

from typing import Annotated, Literal

from pydantic import Field

from facegan_tf.config.base import Settings


class _OptimizerSettings(Settings):
    """What all optimizers have."""

    learning_rate: float = Field(gt=0)
    decay: float = Field(default=0.0, ge=0)
    """The rate at step t is learning_rate / (1 + decay * t)."""
    clipvalue: float | None = Field(default=None, gt=0)
    """Each gradient element is clipped to [-clipvalue, clipvalue]; null: no clipping."""


class RMSpropSettings(_OptimizerSettings):
    """RMSprop (Tieleman and Hinton, 2012)."""

    name: Literal["rmsprop"]
    rho: float = Field(default=0.9, ge=0, lt=1)
    """How much of the running mean of squared gradients is kept each step."""
    epsilon: float = Field(default=1e-7, gt=0)
    """Added to the root of the mean of squared gradients."""


class AdamSettings(_OptimizerSettings):
    """Adam (Kingma and Ba, 2015)."""

    name: Literal["adam"]
    beta1: float = Field(default=0.9, ge=0, lt=1)
    """How much of the running mean of gradients is kept each step."""
    beta2: float = Field(default=0.999, ge=0, lt=1)
    """How much of the running mean of squared gradients is kept each step."""
    epsilon: float = Field(default=1e-8, gt=0)
    """Added to the root of the corrected mean of squared gradients."""


class SGDSettings(_OptimizerSettings):
    """Gradient descent with momentum."""

    name: Literal["sgd"]
    momentum: float = Field(default=0.0, ge=0, lt=1)
    """How much of the last step is made again."""


OptimizerSettings = Annotated[RMSpropSettings | AdamSettings | SGDSettings, Field(discriminator="name")]


class OptimizersSettings(Settings):
    """The optimizer of each net."""

    discriminator: OptimizerSettings
    generator: OptimizerSettings
