"""Doubling and halving maps with a filter that blurs, so that neither leaves a pattern.

The filter is the outer product of [1, 3, 3, 1] with itself, as in Karras et al., "Analyzing and Improving the
Image Quality of StyleGAN" (2020). Beyond the border, maps are 0.
"""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

FILTER = (1, 3, 3, 1)


class Upsample(keras.layers.Layer):
    """Maps [N, H, W, C] to [N, 2H, 2W, C]; constant maps keep their values, except at the border."""

    def call(self, maps: tf.Tensor) -> tf.Tensor:
        """A convolution by the filter, transposed, with strides of 2."""
        _, height, width, _ = maps.shape
        return _resampled(maps, _doubling(height), _doubling(width))

    def compute_output_shape(self, shape: tuple[Any, ...]) -> tuple[Any, ...]:
        """The shape of the doubled maps."""
        batch, height, width, channels = shape
        return batch, 2 * height, 2 * width, channels


class Downsample(keras.layers.Layer):
    """Maps [N, 2H, 2W, C] to [N, H, W, C]; constant maps keep their values, except at the border."""

    def call(self, maps: tf.Tensor) -> tf.Tensor:
        """A convolution by the filter, with strides of 2."""
        _, height, width, _ = maps.shape
        return _resampled(maps, _doubling(height // 2).T / 2, _doubling(width // 2).T / 2)

    def compute_output_shape(self, shape: tuple[Any, ...]) -> tuple[Any, ...]:
        """The shape of the halved maps."""
        batch, height, width, channels = shape
        return batch, height // 2, width // 2, channels


def _resampled(maps: tf.Tensor, rows: np.ndarray, columns: np.ndarray) -> tf.Tensor:
    """Multiply maps from both sides by matrices [H', H] and [W', W].

    This way is fast in every precision, and so are its gradients: on a CPU in bfloat16, those of TensorFlow's
    depthwise convolution are 10 times slower.
    """
    _, height, width, channels = maps.shape
    tall = tf.matmul(tf.constant(rows, maps.dtype), tf.reshape(maps, [-1, height, width * channels]))
    wide = tf.matmul(tf.constant(columns, maps.dtype), tf.reshape(tall, [-1, width, channels]))
    return tf.reshape(wide, [-1, len(rows), len(columns), channels])


def _doubling(size: int) -> np.ndarray:
    """The matrix [2 * size, size] that doubles a row of pixels."""
    matrix = np.zeros((2 * size, size))
    for pixel in range(size):
        for offset, weight in enumerate(FILTER, start=-1):
            if 0 <= 2 * pixel + offset < 2 * size:
                matrix[2 * pixel + offset, pixel] = 2 * weight / sum(FILTER)
    return matrix
