"""Batch normalisation in training as one operation of TensorFlow; Keras' own takes ten or so."""

from typing import Any

import keras
import tensorflow as tf

FUSED_TYPES = (tf.float32, tf.bfloat16, tf.float16)


class BatchNormalization(keras.layers.BatchNormalization):
    """Keras' BatchNormalization of maps [N, H, W, C].

    The moving averages are Keras': of the variance over the batch itself. TensorFlow's operation returns
    the estimate for the population, which is n / (n - 1) times that, as PyTorch keeps.
    """

    def call(self, inputs: tf.Tensor, training: bool | None = None, mask: Any = None) -> tf.Tensor:
        """Maps of the same shape, normalised by the batch's statistics in training."""
        if not (training and self.trainable and mask is None and self._is_plain() and _is_fusible(inputs)):
            return super().call(inputs, training=training, mask=mask)
        outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=inputs,
            scale=tf.convert_to_tensor(self.gamma),
            offset=tf.convert_to_tensor(self.beta),
            mean=tf.zeros_like(self.moving_mean),
            variance=tf.zeros_like(self.moving_variance),
            epsilon=self.epsilon,
        )
        count = tf.cast(tf.size(inputs) // inputs.shape[-1], variance.dtype)
        variance *= (count - 1.0) / count
        for average, of_batch in ((self.moving_mean, mean), (self.moving_variance, variance)):
            average.assign(average * self.momentum + of_batch * (1.0 - self.momentum))
        return outputs

    def _is_plain(self) -> bool:
        """Whether none of Keras' options is used that the operation lacks."""
        has_both = self.scale and self.center
        others = self.renorm or self.synchronized
        return self.axis in (-1, 3) and has_both and not others and self.variable_dtype == "float32"


def _is_fusible(inputs: Any) -> bool:
    return isinstance(inputs, tf.Tensor) and len(inputs.shape) == 4 and inputs.dtype in FUSED_TYPES
