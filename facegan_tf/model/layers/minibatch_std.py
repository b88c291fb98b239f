"""How much a batch varies, so that the discriminator notices fakes that vary less than photos do.

After Karras et al., "Progressive Growing of GANs for Improved Quality, Stability, and Variation" (2018),
section 3, who average over the channels too.
"""

import keras
import tensorflow as tf

from facegan_tf.model.replica import moments_of_whole_batch

_EPSILON = 1e-8
"""Keeps the slope of the square root finite where all images of the batch are equal."""


class MinibatchStd(keras.layers.Layer):
    """Maps [N, H, W, C] to [N, C]: the standard deviation of each channel over the N images.

    It is that of each position, averaged over the positions, and the same for all images of the batch.
    """

    def __init__(self) -> None:
        # In 16 bits, the square of a small deviation would be lost in rounding.
        super().__init__(dtype=keras.config.floatx())

    def call(self, maps: tf.Tensor) -> tf.Tensor:
        """The standard deviations, in float32 or Keras' floatx."""
        mean = tf.reduce_mean(maps, axis=0)
        _, variance = moments_of_whole_batch(mean, tf.reduce_mean(tf.square(maps - mean), axis=0))
        deviations = tf.reduce_mean(tf.sqrt(variance + _EPSILON), axis=[0, 1])
        return tf.broadcast_to(deviations, [tf.shape(maps)[0], maps.shape[-1]])

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """[N, C]."""
        return input_shape[0], input_shape[-1]
