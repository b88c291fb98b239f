"""Detail that the discriminator sees stronger."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view

from facegan_tf.model.layers.detail_gain import DetailGain
from facegan_tf.model.precision import computing_in


def random_images(seed, size=8):
    return np.random.default_rng(seed).uniform(-1, 1, (2, size, size, 3)).astype("float32")


@given(seed=st.integers(0, 2**32 - 1), gain=st.floats(0.5, 10))
def test_differences_from_the_blurred_brightness_grow(seed, gain):
    images = random_images(seed)
    changed = DetailGain(gain)(images).numpy()
    brightness = images.mean(axis=-1)
    beyond_the_border = np.pad(brightness, ((0, 0), (1, 1), (1, 1)), constant_values=np.nan)
    blurred = np.nanmean(sliding_window_view(beyond_the_border, (3, 3), axis=(1, 2)), axis=(-2, -1))
    np.testing.assert_allclose(
        changed.mean(axis=-1), blurred + gain * (brightness - blurred), atol=1e-4, rtol=1e-4
    )


@given(seed=st.integers(0, 2**32 - 1), gain=st.floats(0.5, 10))
def test_colours_keep_their_distance_from_grey(seed, gain):
    images = random_images(seed)
    changed = DetailGain(gain)(images).numpy()
    grey, changed_grey = (each.mean(axis=-1, keepdims=True) for each in (images, changed))
    np.testing.assert_allclose(changed - changed_grey, images - grey, atol=1e-5)


def test_an_even_image_stays_as_it_is_up_to_its_border():
    even = np.broadcast_to(np.float32([0.3, -0.5, 0.9]), (2, 6, 6, 3))
    np.testing.assert_allclose(DetailGain(7.0)(even), even, atol=1e-5)


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_in_16_bits_it_computes_in_float32(precision):
    with computing_in(precision):
        layer = DetailGain(3.0)
    images = np.ones((1, 5, 5, 3), "float32")
    images[0, 2, 2] = 0.999
    changed = layer(tf.constant(images))
    assert changed.dtype == "float32" == keras.config.floatx()
    assert float(changed[0, 2, 2, 0]) == pytest.approx(1 - 1e-3 / 9 - 3 * 8e-3 / 9, abs=1e-6)
