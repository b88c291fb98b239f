"""Convolutions by other formulas against TensorFlow's own, and the layers against Keras' own."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from facegan_tf.model.layers import convolution
from facegan_tf.model.layers.convolution import Conv2D, Conv2DTranspose, Convolution

BATCH = 3
LIMITS = {"measured": (64, 2**21), "over the batch, by phase": (10**6, 0), "direct": (0, 2**60)}
"""SMALL_MAP and CACHE_BYTES with which each formula is tried on every shape."""


@pytest.fixture(params=LIMITS)
def limits(request, monkeypatch):
    for name, value in zip(("SMALL_MAP", "CACHE_BYTES"), LIMITS[request.param], strict=True):
        monkeypatch.setattr(convolution, name, value)


def normal(shape, seed=0, dtype=tf.float32):
    return tf.cast(np.random.default_rng(seed).normal(size=shape), dtype)


@st.composite
def shapes(draw):
    """Sides of the images, kernel shape, strides and padding of a convolution with at least one place."""
    padding = draw(st.sampled_from(["same", "valid"]))
    kernel_sides = draw(st.tuples(st.integers(1, 5), st.integers(1, 5)))
    sides = tuple(
        draw(st.integers(least, least + 7)) for least in (kernel_sides if padding == "valid" else (1, 1))
    )
    strides = (draw(st.integers(1, 3)),) * 2
    return sides, (*kernel_sides, draw(st.integers(1, 3)), draw(st.integers(1, 3))), strides, padding


def gradients_to_second_order(convolve, images, kernel):
    """A convolution, both of its gradients, and the gradients of these for all that they depend on."""
    with tf.GradientTape(persistent=True) as outer:
        outer.watch([images, kernel])
        with tf.GradientTape() as inner:
            inner.watch([images, kernel])
            maps = convolve(images, kernel)
            change = normal(maps.shape, seed=3)
            outer.watch(change)
            product = tf.reduce_sum(maps * change)
        first = inner.gradient(product, [images, kernel])
        for_images = tf.reduce_sum(first[0] * normal(images.shape, seed=4))
        for_kernel = tf.reduce_sum(first[1] * normal(kernel.shape, seed=5))
    second = [
        *outer.gradient(for_images, [kernel, change]),
        *outer.gradient(for_kernel, [images, change]),
    ]
    return [maps, *first, *second]


def assert_same_to_second_order(sides, kernel_shape, strides, padding):
    ours = Convolution(sides, kernel_shape, strides, padding)
    images, kernel = normal((BATCH, *sides, kernel_shape[2])), normal(kernel_shape, seed=1)
    found = gradients_to_second_order(ours.maps, images, kernel)
    wanted = gradients_to_second_order(
        lambda x, k: tf.nn.conv2d(x, k, strides, padding.upper()), images, kernel
    )
    for mine, theirs in zip(found, wanted, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=2e-3)


@settings(max_examples=15, deadline=None)
@given(shapes())
@pytest.mark.parametrize("values", LIMITS.values(), ids=LIMITS)
def test_any_convolution_has_the_values_and_gradients_of_tensorflows(values, shape):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(convolution, "SMALL_MAP", values[0])
        patch.setattr(convolution, "CACHE_BYTES", values[1])
        assert_same_to_second_order(*shape)


@pytest.mark.parametrize(
    "shape",
    [((8, 6), (4, 4, 2, 3), (2, 2), "same"), ((4, 4), (4, 4, 3, 5), (1, 1), "valid")],
    ids=["doubling", "as large as the image"],
)
def test_the_convolutions_of_the_nets_have_the_values_and_gradients_of_tensorflows(limits, shape):
    assert_same_to_second_order(*shape)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize(
    ("kind", "shape", "options"),
    [
        (Conv2D, (8, 8, 3), {"strides": 2, "padding": "same", "use_bias": False}),
        (Conv2D, (4, 4, 3), {"padding": "valid", "activation": "relu"}),
        (Conv2D, (8, 8, 3), {"padding": "same", "dilation_rate": 2}),
        (Conv2DTranspose, (3, 3, 3), {"strides": 2, "padding": "same", "use_bias": False}),
        (Conv2DTranspose, (1, 1, 3), {"padding": "valid", "activation": "relu"}),
        (Conv2DTranspose, (3, 3, 3), {"strides": 2, "padding": "same", "output_padding": 1}),
    ],
)
def test_the_layers_compute_what_keras_own_do_in_16_bits(limits, dtype, kind, shape, options):
    theirs = getattr(keras.layers, kind.__name__)(5, 4, dtype=f"mixed_{dtype}", **options)
    ours = kind(5, 4, dtype=f"mixed_{dtype}", **options)
    inputs = normal((BATCH, *shape), dtype=tf.float32)
    results = []
    for layer in (theirs, ours):
        layer.build((None, *shape))
        layer.set_weights([normal(w.shape, seed=7).numpy() for w in layer.weights])
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = layer(inputs)
            loss = tf.reduce_mean(tf.cast(outputs, tf.float32) ** 2)
        results.append([outputs, *tape.gradient(loss, [inputs, *layer.trainable_weights])])
        assert outputs.dtype == dtype
        assert layer(keras.KerasTensor((None, *shape))).shape[1:] == outputs.shape[1:]
    for mine, other in zip(*results, strict=True):
        mine, other = (tf.cast(each, tf.float32).numpy() for each in (mine, other))
        np.testing.assert_allclose(mine, other, atol=0.02 * np.abs(other).max())


def test_in_float32_keras_own_code_runs(monkeypatch):
    monkeypatch.setattr(convolution, "Convolution", None)  # it can't be called
    images = normal((BATCH, 8, 8, 3))
    assert Conv2D(5, 4)(images).shape == (BATCH, 5, 5, 5)
    assert Conv2DTranspose(5, 4)(images).shape == (BATCH, 11, 11, 5)


def test_the_batch_may_be_of_any_size_in_a_graph(limits):
    """As in a served model, whose batch is not known when it is traced."""
    layer = Conv2DTranspose(5, 4, strides=2, padding="same", dtype="mixed_bfloat16")
    layer.build((None, 4, 4, 3))
    run = tf.function(layer, input_signature=[tf.TensorSpec([None, 4, 4, 3], tf.bfloat16)])
    for count in (0, 1, 5):
        assert run(normal((count, 4, 4, 3), dtype=tf.bfloat16)).shape == (count, 8, 8, 5)


@pytest.mark.parametrize("kind", [Conv2D, Conv2DTranspose])
def test_images_of_unknown_sides_are_left_to_keras(kind):
    layer = kind(5, 4, strides=2, padding="same", dtype="mixed_bfloat16")
    run = tf.function(layer, input_signature=[tf.TensorSpec([None, None, None, 3], tf.bfloat16)])
    assert run(normal((2, 8, 6, 3), dtype=tf.bfloat16)).shape == (
        (2, 4, 3, 5) if kind is Conv2D else (2, 16, 12, 5)
    )


def test_compiled_by_xla_a_convolution_is_nearly_the_same(limits):
    layer = Conv2D(5, 4, strides=2, padding="same", dtype="mixed_bfloat16")
    images = normal((BATCH, 8, 8, 3), dtype=tf.bfloat16)
    plain = tf.cast(layer(images), tf.float32)
    compiled = tf.cast(tf.function(layer, jit_compile=True)(images), tf.float32)
    np.testing.assert_allclose(compiled, plain, atol=0.02 * np.abs(plain).max())
