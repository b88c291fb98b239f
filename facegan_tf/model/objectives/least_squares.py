"""Least squares: Mao et al., "Least Squares Generative Adversarial Networks" (2017), eq. 9 (a=0, b=c=1)."""

import tensorflow as tf

from facegan_tf.config.objective import ObjectiveSettings
from facegan_tf.model.objectives.objective import DiscriminatorBatch, GeneratorBatch


class Loss:
    """The discriminator wants logits of 1 for reals and 0 for fakes; the generator wants 1 for fakes."""

    unit = "squared error"
    generator_sees_reals = False

    def __init__(self, settings: ObjectiveSettings):
        """The loss has no settings."""

    def of_discriminator(self, batch: DiscriminatorBatch) -> tf.Tensor:
        """Half the mean of (real - 1)^2 plus half the mean of fake^2."""
        reals = tf.reduce_mean(tf.square(batch.real_logits - 1.0))
        return 0.5 * (reals + tf.reduce_mean(tf.square(batch.fake_logits)))

    def of_generator(self, batch: GeneratorBatch) -> tf.Tensor:
        """Half the mean of (fake - 1)^2."""
        return 0.5 * tf.reduce_mean(tf.square(batch.fake_logits - 1.0))
