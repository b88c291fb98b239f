import numpy as np
import pytest
import tensorflow as tf

from facegan_tf.model.layers.resampling import Downsample, Upsample

TAPS = np.array([1.0, 3.0, 3.0, 1.0])
FILTER = np.outer(TAPS, TAPS) / TAPS.sum() ** 2
SHAPE = (2, 6, 4, 3)


def maps(*shape):
    return tf.constant(np.random.default_rng(0).normal(size=shape))


def kernel(channels):
    """The filter for each channel by itself, [4, 4, C, 1]."""
    return np.broadcast_to(FILTER[:, :, None, None], (4, 4, channels, 1))


def test_doubling_is_a_transposed_convolution_by_the_filter():
    x = maps(*SHAPE)
    doubled = (SHAPE[0], 2 * SHAPE[1], 2 * SHAPE[2], SHAPE[3])
    expected = tf.nn.depthwise_conv2d_backprop_input(doubled, 4 * kernel(3), x, [1, 2, 2, 1], "SAME")
    np.testing.assert_allclose(Upsample(dtype="float64")(x), expected, rtol=1e-12)
    assert Upsample().compute_output_shape((None, *SHAPE[1:])) == (None, *doubled[1:])


def test_halving_is_a_convolution_by_the_filter():
    x = maps(2, 12, 8, 3)
    expected = tf.nn.depthwise_conv2d(x, kernel(3), [1, 2, 2, 1], "SAME")
    np.testing.assert_allclose(Downsample(dtype="float64")(x), expected, rtol=1e-12)
    assert Downsample().compute_output_shape((None, 12, 8, 3)) == (None, 6, 4, 3)


@pytest.mark.parametrize("layer", [Upsample, Downsample])
def test_constant_maps_keep_their_values_away_from_the_border(layer):
    resampled = layer()(tf.fill([1, 8, 8, 2], 0.7)).numpy()
    np.testing.assert_allclose(resampled[:, 1:-1, 1:-1], 0.7, rtol=1e-6)
    assert (resampled[:, 0] < 0.7).all()  # maps are 0 beyond it


@pytest.mark.parametrize("layer", [Upsample, Downsample])
def test_16_bits_are_as_exact_as_16_bits_can_be(layer):
    x = tf.cast(maps(*SHAPE), tf.bfloat16)
    found = layer(dtype="bfloat16")(x)
    assert found.dtype == tf.bfloat16
    np.testing.assert_allclose(
        tf.cast(found, tf.float32), layer()(tf.cast(x, tf.float32)), rtol=0.02, atol=0.01
    )


@pytest.mark.parametrize("layer", [Upsample, Downsample])
def test_any_batch_size_fits(layer):
    traced = tf.function(layer(), input_signature=[tf.TensorSpec([None, *SHAPE[1:]])])
    x = tf.cast(maps(*SHAPE), tf.float32)
    for batch in (x, x[:1]):  # each against its own size: some processors add up in another order in others
        np.testing.assert_array_equal(traced(batch), layer()(batch))
