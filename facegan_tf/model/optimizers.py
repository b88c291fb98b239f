"""The optimizers of the recipes, with the arithmetic of the frameworks that their sources used."""

import keras
from keras import ops

from facegan_tf.config.optimizers import AdamSettings, OptimizerSettings, RMSpropSettings, SGDSettings


class RMSprop(keras.optimizers.RMSprop):
    """RMSprop that adds epsilon to the root of the mean square, as Keras 2 and PyTorch do.

    Keras 3 adds it under the root. There 1e-7 outweighs every gradient below 3e-4, as most gradients of a
    large net are, and the steps shrink to a fraction.
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


class Adam(keras.optimizers.Adam):
    """Adam that adds epsilon to the root of the corrected mean square, as its paper and PyTorch do.

    Keras adds it to the root of the uncorrected mean square, which is 1,000 times smaller in the first step
    with beta2 = 0.999. There Keras' epsilon of 1e-7 has the effect of 3e-6 in PyTorch.
    """

    def update_step(
        self, gradient: keras.KerasTensor, variable: keras.Variable, learning_rate: keras.KerasTensor
    ) -> None:
        """Update `variable` by one step."""
        learning_rate = ops.cast(learning_rate, variable.dtype)
        gradient = ops.cast(gradient, variable.dtype)
        step = ops.cast(self.iterations + 1, variable.dtype)
        index = self._get_variable_index(variable)
        mean, mean_square = self._momentums[index], self._velocities[index]
        self.assign(mean, self.beta_1 * mean + (1 - self.beta_1) * gradient)
        self.assign(mean_square, self.beta_2 * mean_square + (1 - self.beta_2) * ops.square(gradient))
        corrected = mean / (1 - self.beta_1**step)
        corrected_square = mean_square / (1 - self.beta_2**step)
        self.assign_sub(variable, learning_rate * corrected / (ops.sqrt(corrected_square) + self.epsilon))


def build_optimizer(settings: OptimizerSettings) -> keras.optimizers.Optimizer:
    """The Keras optimizer that the settings describe."""
    rate: float | keras.optimizers.schedules.LearningRateSchedule = settings.learning_rate
    if settings.decay:
        # Keras 3 ignores `decay=`; this schedule does what Keras 2 did.
        rate = keras.optimizers.schedules.InverseTimeDecay(rate, decay_steps=1, decay_rate=settings.decay)
    clip = settings.clipvalue
    match settings:
        case RMSpropSettings():
            return RMSprop(rate, rho=settings.rho, epsilon=settings.epsilon, clipvalue=clip)
        case AdamSettings():
            betas = {"beta_1": settings.beta1, "beta_2": settings.beta2}
            return Adam(rate, **betas, epsilon=settings.epsilon, clipvalue=clip)
        case SGDSettings():
            return keras.optimizers.SGD(rate, momentum=settings.momentum, clipvalue=clip)
