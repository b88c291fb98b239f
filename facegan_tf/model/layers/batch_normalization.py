"""Batch normalisation in training: as one operation of TensorFlow, or over the batch of several devices."""

from typing import Any

import keras
import tensorflow as tf

from facegan_tf.model.replica import current_replica, moments_of_whole_batch

FUSED_TYPES = (tf.float32, tf.bfloat16, tf.float16)


class BatchNormalization(keras.layers.BatchNormalization):
    """Keras' BatchNormalization of maps [N, H, W, C].

    As in Keras, the moving average is that of the variance over the batch itself. TensorFlow's operation
    returns the estimate for the population, n / (n - 1) times that, which PyTorch keeps.
    """

    def call(self, inputs: tf.Tensor, training: bool | None = None, mask: Any = None) -> tf.Tensor:
        """Maps of the same shape, normalised by the batch's statistics in training."""
        if not (training and self.trainable and mask is None and self.is_plain()):
            return super().call(inputs, training=training, mask=mask)
        if current_replica() is not None:
            return self._over_all_replicas(inputs)
        if self.variable_dtype != "float32" or not _is_fusible(inputs):
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
        self._follow(mean, variance * ((count - 1.0) / count))
        return outputs

    def _over_all_replicas(self, inputs: tf.Tensor) -> tf.Tensor:
        """The same, with the statistics of the whole batch, of which this replica has a share."""
        x = tf.cast(inputs, self.variable_dtype)
        # Not with tf.nn.moments: its second derivatives, which penalties need, are incomplete.
        axes = list(range(len(x.shape) - 1))
        mean = tf.reduce_mean(x, axes)
        mean, variance = moments_of_whole_batch(mean, tf.reduce_mean(tf.square(x - mean), axes))
        self._follow(mean, variance)
        gamma, beta = tf.convert_to_tensor(self.gamma), tf.convert_to_tensor(self.beta)
        return tf.cast(tf.nn.batch_normalization(x, mean, variance, beta, gamma, self.epsilon), inputs.dtype)

    def _follow(self, mean: tf.Tensor, variance: tf.Tensor) -> None:
        for average, of_batch in ((self.moving_mean, mean), (self.moving_variance, variance)):
            average.assign(average * self.momentum + of_batch * (1.0 - self.momentum))

    def is_plain(self) -> bool:
        """Whether it uses no option of Keras that the operation lacks."""
        has_both = self.scale and self.center
        others = self.renorm or self.synchronized
        return self.axis in (-1, 3) and has_both and not others


def _is_fusible(inputs: Any) -> bool:
    return isinstance(inputs, tf.Tensor) and len(inputs.shape) == 4 and inputs.dtype in FUSED_TYPES
