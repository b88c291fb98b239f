"""The hinge loss: Lim and Ye, "Geometric GAN" (2017); Miyato et al., "Spectral Normalization" (2018)."""

import tensorflow as tf

from facegan_tf.config.objective import ObjectiveSettings
from facegan_tf.model.objectives.objective import DiscriminatorBatch, GeneratorBatch


class Loss:
    """The discriminator wants reals above 1 and fakes below -1; the generator wants high logits."""

    unit = "hinge loss"
    generator_sees_reals = False

    def __init__(self, settings: ObjectiveSettings):
        """The loss has no settings."""

    def of_discriminator(self, batch: DiscriminatorBatch) -> tf.Tensor:
        """Mean of relu(1 - real) plus mean of relu(1 + fake)."""
        reals = tf.reduce_mean(tf.nn.relu(1.0 - batch.real_logits))
        return reals + tf.reduce_mean(tf.nn.relu(1.0 + batch.fake_logits))

    def of_generator(self, batch: GeneratorBatch) -> tf.Tensor:
        """Minus the mean of the fakes' logits."""
        return -tf.reduce_mean(batch.fake_logits)
