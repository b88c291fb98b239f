"""Batch normalisation in one operation, against Keras' own."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from facegan_tf.model.layers.batch_normalization import BatchNormalization

SHAPE = (6, 5, 4, 3)


def maps(seed, dtype=tf.float32):
    return tf.cast(np.random.default_rng(seed).normal(2, 3, SHAPE), dtype)


def built(kind, **options):
    layer = kind(momentum=0.9, epsilon=1e-3, **options)
    layer.build((None, *SHAPE[1:]))
    draw = np.random.default_rng(9)
    layer.gamma.assign(draw.normal(1, 0.3, 3))
    layer.beta.assign(draw.normal(0, 0.3, 3))
    return layer


def trained(kind, dtype=tf.float32, policy="float32"):
    """Outputs, gradients to second order, and the averages after three batches."""
    layer = built(kind, dtype=policy)
    for seed in (0, 1):
        layer(maps(seed, dtype), training=True)
    inputs, change = maps(2, dtype), maps(3)
    with tf.GradientTape() as outer:
        outer.watch(inputs)
        with tf.GradientTape() as inner:
            inner.watch(inputs)
            outputs = tf.cast(layer(inputs, training=True), tf.float32)
            loss = tf.reduce_mean(change * outputs**2)
        first = inner.gradient(loss, [inputs, layer.gamma, layer.beta])
        norm = tf.add_n([tf.reduce_sum(tf.cast(each, tf.float32) ** 2) for each in first])
    second = outer.gradient(norm, [inputs, layer.gamma])
    return [outputs, *first, *second, layer.moving_mean, layer.moving_variance]


def test_values_gradients_to_second_order_and_averages_are_keras_own():
    for mine, theirs in zip(
        trained(BatchNormalization), trained(keras.layers.BatchNormalization), strict=True
    ):
        theirs = np.asarray(theirs)
        np.testing.assert_allclose(mine, theirs, atol=1e-5 * np.abs(theirs).max())


def test_the_average_of_the_variance_is_of_the_batch_and_not_of_the_population():
    layer = built(BatchNormalization)
    inputs = maps(0)
    layer(inputs, training=True)
    variance = np.var(inputs.numpy().astype("float64"), axis=(0, 1, 2))
    np.testing.assert_allclose(layer.moving_variance, 0.9 + 0.1 * variance, rtol=1e-6)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_is_near_and_its_averages_stay_float32(dtype):
    half = trained(BatchNormalization, getattr(tf, dtype), f"mixed_{dtype}")
    for mine, exact in zip(half, trained(BatchNormalization), strict=True):
        exact = np.asarray(exact)
        np.testing.assert_allclose(tf.cast(mine, tf.float32), exact, atol=0.05 * np.abs(exact).max())
    assert {half[-1].dtype, half[-2].dtype} == {"float32"}


def test_a_frozen_layer_uses_and_keeps_its_averages():
    layer = built(BatchNormalization)
    layer.moving_mean.assign([1.0, 2.0, 3.0])
    layer.trainable = False
    inputs = maps(0)
    found = layer(inputs, training=True)
    np.testing.assert_array_equal(found, layer(inputs, training=False))
    np.testing.assert_array_equal(layer.moving_mean, [1.0, 2.0, 3.0])


def test_float64_stays_float64():
    layer = built(BatchNormalization, dtype="float64")
    inputs = maps(0, tf.float64)
    outputs = layer(inputs, training=True)
    assert outputs.dtype == tf.float64
    wanted = (inputs - tf.reduce_mean(inputs, [0, 1, 2])) / tf.sqrt(
        tf.math.reduce_variance(inputs, [0, 1, 2]) + 1e-3
    )
    np.testing.assert_allclose(outputs, wanted * layer.gamma + layer.beta, rtol=1e-12)


@pytest.mark.parametrize(
    "options",
    [{"axis": 1}, {"renorm": True}, {"scale": False}, {"center": False}, {"dtype": "bfloat16"}],
    ids=lambda options: next(iter(options)),
)
def test_options_that_the_operation_lacks_are_left_to_keras(options):
    results = []
    for kind in (BatchNormalization, keras.layers.BatchNormalization):
        layer = kind(**options)
        results.append(tf.cast(layer(maps(0), training=True), tf.float32))
    np.testing.assert_array_equal(*results)


def test_a_mask_is_left_to_keras():
    mask = tf.constant(np.random.default_rng(0).random(SHAPE[:3]) < 0.5)
    ours, theirs = (
        kind()(maps(0), training=True, mask=mask)
        for kind in (BatchNormalization, keras.layers.BatchNormalization)
    )
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("jit", [False, True], ids=["graph", "XLA"])
def test_gradients_in_a_graph_are_those_outside(jit):
    def gradient_norm(inputs):
        with tf.GradientTape() as outer:
            outer.watch(inputs)
            with tf.GradientTape() as inner:
                inner.watch(inputs)
                loss = tf.reduce_sum(layer(inputs, training=True) ** 3)
            norm = tf.reduce_sum(inner.gradient(loss, inputs) ** 2)
        return outer.gradient(norm, inputs)

    layer = built(BatchNormalization)
    eager = gradient_norm(maps(0)).numpy()
    graph = tf.function(gradient_norm, jit_compile=jit)(maps(0))
    np.testing.assert_allclose(graph, eager, atol=1e-4 * np.abs(eager).max())
