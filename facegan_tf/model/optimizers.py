"""The optimizers of the recipes, with the arithmetic of the frameworks that their sources used."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from facegan_tf.config.optimizers import AdamSettings, OptimizerSettings, RMSpropSettings, SGDSettings
from facegan_tf.config.schedule import Schedule
from facegan_tf.model.run_clock import RunClock


class _OfEachReplica:
    """An optimizer that gets the gradients of the whole batch, and updates the replica's own copies.

    Keras' own would add up all replicas' gradients after clipping them, and update outside the replicas.
    """

    def _backend_update_step(
        self,
        gradients: Sequence[tf.Tensor],
        variables: Sequence[keras.Variable],
        learning_rate: tf.Tensor | float,
    ) -> None:
        for gradient, variable in zip(gradients, variables, strict=True):
            self.update_step(gradient, variable, learning_rate)  # type: ignore[attr-defined]


class SGD(_OfEachReplica, keras.optimizers.SGD):
    """Keras' SGD."""


class RMSprop(_OfEachReplica, keras.optimizers.RMSprop):
    """RMSprop that adds epsilon to the root of the mean square, as Keras 2 and PyTorch do.

    Keras 3 adds it under the root. There, 1e-7 outweighs every gradient below 3e-4, as most gradients of a
    large net are, and steps become many times smaller.
    """

    def update_step(
        self, gradient: keras.KerasTensor, variable: keras.Variable, learning_rate: keras.KerasTensor
    ) -> None:
        """Update `variable` by one step."""
        learning_rate = ops.cast(learning_rate, variable.dtype)
        gradient = ops.cast(gradient, variable.dtype)
        mean_square = self._velocities[self._get_variable_index(variable)]
        self.assign(mean_square, self.rho * mean_square + (1 - self.rho) * ops.square(gradient))
        self.assign_sub(variable, learning_rate * gradient / (ops.sqrt(mean_square) + self.epsilon))


class Adam(_OfEachReplica, keras.optimizers.Adam):
    """Adam that adds epsilon to the root of the corrected mean square, as its paper and PyTorch do.

    Keras adds it to the root of the uncorrected mean square. With beta2 = 0.999, that mean square is 1,000
    times smaller in the first step, where Keras' epsilon of 1e-7 has the effect of 3e-6 in PyTorch.
    """

    def __init__(self, *args: Any, beta_2_at: Callable[[], tf.Tensor | float] | None = None, **options: Any):
        """beta_2_at: returns beta_2 for each step, in place of the constant."""
        super().__init__(*args, **options)
        self._beta_2_at = beta_2_at

    def update_step(
        self, gradient: keras.KerasTensor, variable: keras.Variable, learning_rate: keras.KerasTensor
    ) -> None:
        """Update `variable` by one step."""
        dtype = variable.dtype
        index = self._get_variable_index(variable)
        beta_1 = tf.constant(self.beta_1, dtype)
        beta_2 = ops.cast(self.beta_2 if self._beta_2_at is None else self._beta_2_at(), dtype)
        step = ops.cast(self.iterations + 1, dtype)
        beta_2_power = beta_2**step
        # In one pass over memory. TensorFlow's epsilon is added to the root of the uncorrected mean square.
        tf.raw_ops.ResourceApplyAdam(
            var=_handle(variable),
            m=_handle(self._momentums[index]),
            v=_handle(self._velocities[index]),
            beta1_power=beta_1**step,
            beta2_power=beta_2_power,
            lr=ops.cast(learning_rate, dtype),
            beta1=beta_1,
            beta2=beta_2,
            epsilon=self.epsilon * ops.sqrt(1 - beta_2_power),
            grad=ops.cast(gradient, dtype),
        )


def _handle(variable: keras.Variable | tf.Variable) -> tf.Tensor:
    """The resource that a TensorFlow operation updates in place."""
    return (variable.value if isinstance(variable, keras.Variable) else variable).handle


class _Scheduled(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate that follows the run's own clock."""

    def __init__(self, schedule: Schedule, clock: RunClock):
        self.schedule, self.clock = schedule, clock

    def __call__(self, _: tf.Tensor) -> tf.Tensor | float:
        """The rate in this step."""
        return self.clock.value_of(self.schedule)


def build_optimizer(settings: OptimizerSettings, clock: RunClock) -> keras.optimizers.Optimizer:
    """Build the Keras optimizer that the settings describe. clock: drives schedules."""
    rate: float | keras.optimizers.schedules.LearningRateSchedule
    if isinstance(settings.learning_rate, Schedule):
        rate = _Scheduled(settings.learning_rate, clock)
    elif settings.decay:
        # Keras 3 ignores `decay=`; this schedule does what Keras 2 did.
        rate = keras.optimizers.schedules.InverseTimeDecay(
            settings.learning_rate, decay_steps=1, decay_rate=settings.decay
        )
    else:
        rate = settings.learning_rate
    clip = settings.clipvalue
    match settings:
        case RMSpropSettings():
            return RMSprop(rate, rho=settings.rho, epsilon=settings.epsilon, clipvalue=clip)
        case AdamSettings(beta2=Schedule() as beta2):
            return Adam(
                rate,
                beta_1=settings.beta1,
                beta_2=beta2.from_,
                beta_2_at=lambda: clock.value_of(beta2),
                epsilon=settings.epsilon,
                clipvalue=clip,
            )
        case AdamSettings(beta1=beta1, beta2=beta2):
            return Adam(rate, beta_1=beta1, beta_2=beta2, epsilon=settings.epsilon, clipvalue=clip)
        case SGDSettings():
            return SGD(rate, momentum=settings.momentum, clipvalue=clip)
