import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from facegan_tf.model.layers import grouped_convolution
from facegan_tf.model.layers.grouped_convolution import GroupedConv2D, convolve_by_group


def layer_and_images(dtype="float32", groups=3):
    layer = GroupedConv2D(6, 3, padding="same", groups=groups, dtype=dtype, bias_initializer="normal")
    images = np.random.default_rng(0).normal(size=(2, 5, 5, 12))
    layer.build(images.shape)
    return layer, tf.constant(images, dtype)


def orders(layer, images, kind=lambda function: function):
    """The outputs, the gradients, and the gradients of the squared gradient, as R1 takes them."""

    def compute(images):
        with tf.GradientTape() as outer:
            outer.watch(images)
            with tf.GradientTape() as inner:
                inner.watch(images)
                outputs = layer(images)
                total = tf.reduce_sum(outputs**3)
            gradient = inner.gradient(total, images)
            penalty = tf.reduce_sum(gradient**2)
        return outputs, gradient, *outer.gradient(penalty, [images, layer.kernel.value])

    return [tf.cast(each, tf.float64).numpy() for each in kind(compute)(images)]


def by_group(monkeypatch):
    """From here on, TensorFlow's own grouped convolution counts as one without gradients."""
    monkeypatch.setattr(grouped_convolution, "_has_gradients", lambda dtype: False)


def assert_near(found, expected, tolerance):
    for place, (ours, reference) in enumerate(zip(found, expected, strict=True)):
        assert np.linalg.norm(ours - reference) <= tolerance * np.linalg.norm(reference), place


def test_it_computes_what_keras_own_layer_does():
    layer, images = layer_and_images()
    reference = keras.layers.Conv2D(6, 3, padding="same", groups=3)
    reference.build(images.shape)
    reference.set_weights(layer.get_weights())
    np.testing.assert_allclose(layer(images), reference(images), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", [tf.function, lambda function: function], ids=["graph", "eager"])
@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("bfloat16", 0.03)])
def test_both_ways_agree_to_the_second_order(monkeypatch, dtype, tolerance, kind):
    layer, images = layer_and_images(dtype)
    found = orders(layer, images, kind)
    by_group(monkeypatch)
    assert_near(found, orders(layer, images, kind), tolerance)


def test_in_64_bits_it_has_all_gradients_too():
    wide, images = layer_and_images("float64")
    layer, _ = layer_and_images("float32")
    layer.set_weights(wide.get_weights())
    found = orders(wide, images)
    assert_near(found, orders(layer, tf.cast(images, tf.float32)), 1e-5)
    # The outputs do follow their definition: each group sees its own channels only.
    kernel, biases = (each.astype("float64") for each in wide.get_weights())
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)))
    expected = np.zeros(found[0].shape) + biases
    for row, column, output in itertools.product(range(3), range(3), range(6)):
        first = 4 * (output // 2)
        seen = padded[:, row : row + 5, column : column + 5, first : first + 4]
        expected[..., output] += seen @ kernel[row, column, :, output]
    np.testing.assert_allclose(found[0], expected, rtol=1e-12)


@pytest.mark.parametrize(("groups", "way"), [(1, "same"), (2, "valid"), (12, "same")])
def test_by_group_any_number_of_groups_and_padding_agree(groups, way):
    random = np.random.default_rng(1)
    images = tf.constant(random.normal(size=(2, 6, 7, 12)))
    kernel = tf.constant(random.normal(size=(3, 3, 12 // groups, 24)))
    options = {"strides": 1, "padding": way.upper()}
    expected = tf.nn.conv2d(images, kernel, **options)  # forward, TensorFlow has it in 64 bits
    np.testing.assert_allclose(convolve_by_group(images, kernel, **options), expected, rtol=1e-10)


def test_nothing_is_compiled_by_xla():
    layer, images = layer_and_images()
    graph = tf.function(layer).get_concrete_function(images).graph
    names = {operation.type for operation in graph.get_operations()}
    assert "Conv2D" in names
    assert not any("Call" in name for name in names)  # a call of a function, which XLA would compile


def test_a_model_exported_from_it_needs_no_way_of_its_own(tmp_path):
    # Forward, TensorFlow computes grouped convolutions on every device, so it may be exported on another.
    layer, images = layer_and_images()
    inputs = keras.Input(images.shape[1:])
    model = keras.Model(inputs, layer(inputs))
    model.export(tmp_path / "model", verbose=False)
    loaded = tf.saved_model.load(tmp_path / "model")
    np.testing.assert_allclose(loaded.serve(images), model(images), rtol=1e-6)
