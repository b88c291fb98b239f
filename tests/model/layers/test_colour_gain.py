"""Colours that the discriminator sees further from grey."""

import colorsys

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from facegan_tf.model.layers.colour_gain import ColourGain
from facegan_tf.model.precision import computing_in


def pixel(*rgb):
    return tf.constant([[[rgb]]], tf.float32)


@given(
    red=st.floats(0, 1, width=32),
    green=st.floats(0, 1, width=32),
    blue=st.floats(0, 1, width=32),
    gain=st.floats(0.5, 10),
)
def test_brightness_and_hue_stay_and_chroma_grows(red, green, blue, gain):
    changed = ColourGain(gain)(pixel(red, green, blue)).numpy().ravel()
    assert changed.mean() == pytest.approx(np.mean([red, green, blue]), abs=1e-5)
    assert np.ptp(changed) == pytest.approx(gain * np.ptp([red, green, blue]), abs=1e-5)
    if np.ptp([red, green, blue]) > 0.01:
        hue = colorsys.rgb_to_hsv(*(changed - changed.min()))[0]  # which adding grey doesn't change
        apart = abs(hue - colorsys.rgb_to_hsv(red, green, blue)[0])
        assert min(apart, 1 - apart) < 1e-3


def test_grey_stays_grey():
    grey = tf.fill([2, 4, 4, 3], 0.3)
    np.testing.assert_allclose(ColourGain(7.0)(grey), grey, rtol=1e-6)


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_in_16_bits_it_computes_in_float32(precision):
    with computing_in(precision):
        layer = ColourGain(3.0)
    changed = layer(pixel(1.0, 0.999, 1.0))
    assert changed.dtype == "float32" == keras.config.floatx()
    assert float(changed[0, 0, 0, 0] - changed[0, 0, 0, 1]) == pytest.approx(0.003, rel=1e-3)
