"""The optimizers that the recipes name, as their sources' frameworks have them."""

import keras
from keras import ops

from facegan_tf.config import OptimizerSettings


class RMSprop(keras.optimizers.RMSprop):
    """RMSprop that adds epsilon to the root of the mean square, as Keras 2 and PyTorch do.

    Keras 3 adds it under the root, where the same 1e-7 outweighs every gradient below 3e-4: most of
    those of a large net, whose steps would shrink to a fraction.
    """

    def update_step(
        self, gradient: keras.KerasTensor, variable: keras.Variable, learning_rate: keras.KerasTensor
    ) -> None:
        """Move `variable` by one step."""
        learning_rate = ops.cast(learning_rate, variable.dtype)
        gradient = ops.cast(gradient, variable.dtype)
        mean_square = self._velocities[self._get_variable_index(variable)]
        self.assign(mean_square, self.rho * mean_square + (1 - self.rho) * ops.square(gradient))
        self.assign_sub(variable, learning_rate * gradient / (ops.sqrt(mean_square) + self.epsilon))


def build_optimizer(settings: OptimizerSettings) -> keras.optimizers.Optimizer:
    """The Keras optimizer that the settings describe."""
    rate: float | keras.optimizers.schedules.LearningRateSchedule = settings.learning_rate
    if settings.decay:
        # Keras 3 ignores `decay=`; this schedule is what Keras 2 did with it.
        rate = keras.optimizers.schedules.InverseTimeDecay(rate, decay_steps=1, decay_rate=settings.decay)
    return RMSprop(rate, rho=settings.rho, epsilon=settings.epsilon, clipvalue=settings.clipvalue)
