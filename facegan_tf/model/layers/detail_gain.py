"""Exaggerated detail, so that the discriminator notices early what is wrong with that of its fakes.

Neighbouring pixels of a photo are almost equally bright, the more so the larger the photo. So the finest
detail is a small part of what the discriminator sees, and it takes a long time to learn to see what is wrong
with it, such as the checkerboards of transposed convolutions.
"""

import keras
import numpy as np
import tensorflow as tf


class DetailGain(keras.layers.Layer):
    """Images [N, S, S, 3] to the same images with the finest detail in brightness `gain` times as strong.

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
        brightness = tf.reduce_mean(images, axis=-1)
        # On a CPU, products of matrices take half the time of average pooling, with their gradients.
        mean = tf.constant(_mean_of_neighbours(images.shape[1]), images.dtype)
        detail = brightness - tf.matmul(tf.matmul(mean, brightness), mean, transpose_b=True)
        return images + (self.gain - 1) * detail[..., tf.newaxis]


def _mean_of_neighbours(size: int) -> np.ndarray:
    """The matrix [size, size] that replaces each pixel of a row by the mean of itself and its neighbours."""
    places = np.arange(size)
    near = np.abs(places - places[:, np.newaxis]) <= 1
    return near / near.sum(axis=1, keepdims=True)
