"""The relativistic pairing loss: Jolicoeur-Martineau, "The relativistic discriminator" (2019), eq. 2, and
Huang et al., "The GAN is dead; long live the GAN!" (R3GAN, 2024).

Each fake is compared with one real, the one at the same place in the batch.
"""

import tensorflow as tf

from facegan_tf.config.objective import ObjectiveSettings
from facegan_tf.model.objectives.objective import DiscriminatorBatch, GeneratorBatch


class Loss:
    """The discriminator wants each real's logit above its fake's; the generator wants the reverse."""

    unit = "relativistic loss"
    generator_sees_reals = True

    def __init__(self, settings: ObjectiveSettings):
        """The loss has no settings."""

    def of_discriminator(self, batch: DiscriminatorBatch) -> tf.Tensor:
        """Mean of softplus(fake - real)."""
        return tf.reduce_mean(tf.nn.softplus(batch.fake_logits - batch.real_logits))

    def of_generator(self, batch: GeneratorBatch) -> tf.Tensor:
        """Mean of softplus(real - fake)."""
        return tf.reduce_mean(tf.nn.softplus(batch.real_logits - batch.fake_logits))
