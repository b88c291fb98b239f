"""Binary cross-entropy against targets: the loss of Goodfellow et al., "Generative Adversarial Nets" (2014).

The generator's loss has the non-saturating form: it wants the target of its fakes to be `generator_target`.
"""

import keras
import tensorflow as tf

from facegan_tf.config.objective import ObjectiveSettings
from facegan_tf.model.objectives.objective import DiscriminatorBatch, GeneratorBatch


class Loss:
    """Mean cross-entropy of logits and targets. Noise may lift targets above 1, as in the sources."""

    unit = "binary cross-entropy"
    generator_sees_reals = False

    def __init__(self, settings: ObjectiveSettings):
        self.settings = settings
        # There are as many fakes as reals, so the sum of both means is twice the mean over all.
        self._weight = 1.0 if settings.batching == "joint" else 2.0

    def of_discriminator(self, batch: DiscriminatorBatch) -> tf.Tensor:
        """One mean over fakes and reals, or the sum of a mean of each: see `objective.batching`."""
        return self._weight * _cross_entropy(self.discriminator_targets(batch.label_noise), batch.logits)

    def of_generator(self, batch: GeneratorBatch) -> tf.Tensor:
        """The mean over the fakes."""
        targets = tf.ones_like(batch.fake_logits) * self.settings.generator_target
        return _cross_entropy(targets, batch.fake_logits)

    def discriminator_targets(self, label_noise: tf.Tensor) -> tf.Tensor:
        """Targets [2N, 1], first of the fakes and then of the reals, from noise U(0, 1) of that shape."""
        count = tf.shape(label_noise)[0] // 2
        both = tf.constant([self.settings.fake_target, self.settings.real_target], label_noise.dtype)
        return tf.repeat(both, count)[:, None] + self.settings.label_noise * label_noise


def _cross_entropy(targets: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    # Keras' own mean would be divided by the number of devices.
    total = keras.losses.BinaryCrossentropy(from_logits=True, reduction="sum")(targets, logits)
    return tf.math.divide_no_nan(total, tf.cast(tf.size(targets), total.dtype))
