import keras
import numpy as np
import pytest
import tensorflow as tf

from facegan_tf.config import OptimizerSettings
from facegan_tf.optimizers import build_optimizer


def keras_2_rmsprop(weight, gradients, rate, decay, clipvalue):
    """RMSprop as Keras 2 had it: the decay by steps done, epsilon 1e-7 added to the root."""
    mean_square = np.zeros_like(weight)
    for step, gradient in enumerate(gradients):
        clipped = np.clip(gradient, -clipvalue, clipvalue)
        mean_square = 0.9 * mean_square + 0.1 * clipped**2
        weight = weight - rate / (1 + decay * step) * clipped / (np.sqrt(mean_square) + 1e-7)
    return weight


@pytest.mark.parametrize("scale", [1e-8, 1e-6, 1e-3, 10.0])
def test_rmsprop_is_keras_2s_at_any_scale_of_gradients(scale):
    gradients = scale * np.random.default_rng(0).normal(size=(20, 50))
    settings = OptimizerSettings(learning_rate=0.01, decay=0.1, clipvalue=1.0)
    optimizer, weight = build_optimizer(settings), keras.Variable(np.zeros(50), dtype="float32")
    for gradient in gradients:
        optimizer.apply([tf.constant(gradient, tf.float32)], [weight])
    expected = keras_2_rmsprop(np.zeros(50), gradients, rate=0.01, decay=0.1, clipvalue=1.0)
    np.testing.assert_allclose(weight.numpy(), expected, rtol=1e-3, atol=1e-6)


def test_without_clipvalue_gradients_are_taken_whole():
    results = []
    for clipvalue in (None, 0.5):
        optimizer = build_optimizer(OptimizerSettings(learning_rate=0.01, clipvalue=clipvalue))
        weight = keras.Variable(np.zeros(2), dtype="float32")
        for gradient in ([1.0, 0.1], [0.1, 0.1]):
            optimizer.apply([tf.constant(gradient)], [weight])
        results.append(weight.numpy())
    assert results[0][0] != results[1][0]
    assert results[0][1] == results[1][1]
