"""Exaggerated detail, so that the discriminator notices early what is wrong with that of its fakes.

Neighbouring pixels of a photo are almost equally bright, the more so the larger the photo. So the finest
detail is a small part of what the discriminator sees, and it takes long to learn to see what is wrong with
it, such as the checkerboards of transposed convolutions.
"""

import keras
import tensorflow as tf

NEIGHBOURHOOD = 3


class DetailGain(keras.layers.Layer):
    """Images [N, S, S, 3] to the same images with finer detail in brightness `gain` times as strong.

    A pixel's detail is the difference between its brightness, which is the mean of its red, green and blue,
    and the mean brightness of the 3x3 pixels around it, as far as they lie in the image. Its three colours
    change by the same amount, and may leave [-1, 1].
    """

    def __init__(self, gain: float):
        # In 16 bits, small differences between pixels would be lost in rounding.
        super().__init__(dtype=keras.config.floatx())
        self.gain = gain

    def call(self, images: tf.Tensor) -> tf.Tensor:
        """The same images with stronger detail."""
        brightness = tf.reduce_mean(images, axis=-1, keepdims=True)
        detail = brightness - tf.nn.avg_pool2d(brightness, NEIGHBOURHOOD, strides=1, padding="SAME")
        return images + (self.gain - 1) * detail
