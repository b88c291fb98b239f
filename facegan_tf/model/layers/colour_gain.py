"""Exaggerated colours, so that the discriminator notices noise in the colours of its fakes.

In photos, red, green and blue hardly differ from each other between neighbouring pixels. Where those of fakes
do, that is a small part of what the discriminator sees, and it takes a long time to learn to see it.
"""

import keras
import tensorflow as tf


class ColourGain(keras.layers.Layer):
    """Images [N, S, S, 3] to the same images with each pixel `gain` times as far from its grey.

    Its grey is the mean of its red, green and blue, which stays the same. Colours may leave [-1, 1].
    """

    def __init__(self, gain: float):
        # In 16 bits, small differences between colours would be lost in rounding.
        super().__init__(dtype=keras.config.floatx())
        self.gain = gain

    def call(self, images: tf.Tensor) -> tf.Tensor:
        """The same images in stronger colours."""
        grey = tf.reduce_mean(images, axis=-1, keepdims=True)
        return grey + self.gain * (images - grey)
