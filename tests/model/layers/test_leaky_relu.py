"""The compiled LeakyReLU, against Keras' own."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from facegan_tf.model.layers import leaky_relu
from facegan_tf.model.layers.leaky_relu import LeakyReLU


def trained(kind, dtype, slope):
    """Outputs, and gradients of first and second order."""
    layer = kind(negative_slope=slope, dtype=dtype)
    draw = np.random.default_rng(0)
    inputs, change = (tf.cast(draw.normal(size=(4, 8, 8, 3)), dtype) for _ in range(2))
    inputs = tf.concat([inputs, tf.zeros([1, 8, 8, 3], dtype)], axis=0)[1:]
    with tf.GradientTape() as outer:
        outer.watch(change)
        with tf.GradientTape() as inner:
            inner.watch(inputs)
            outputs = layer(inputs, training=True)
            product = tf.reduce_sum(outputs * change)
        first = inner.gradient(product, inputs)
        squares = tf.reduce_sum(first * first)
    return [tf.cast(each, tf.float32) for each in (outputs, first, outer.gradient(squares, change))]


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32"])
@pytest.mark.parametrize("slope", [0.0, 0.2, 1.0])
def test_values_and_gradients_are_keras_own_to_the_bit(dtype, slope):
    for mine, theirs in zip(
        trained(LeakyReLU, dtype, slope), trained(keras.layers.LeakyReLU, dtype, slope), strict=True
    ):
        np.testing.assert_array_equal(mine, theirs)


def test_only_training_in_16_bits_is_compiled(monkeypatch):
    monkeypatch.setattr(leaky_relu, "_compiled", None)  # it can't be called
    inputs = tf.zeros([1, 4], tf.bfloat16)
    LeakyReLU(dtype="bfloat16")(inputs, training=False)
    LeakyReLU()(tf.cast(inputs, tf.float32), training=True)
    with pytest.raises(TypeError):
        LeakyReLU(dtype="bfloat16")(inputs, training=True)
