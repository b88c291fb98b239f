"""How much a batch varies."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from facegan_tf.model.layers.minibatch_std import MinibatchStd
from facegan_tf.model.precision import computing_in

SHAPE = (4, 3, 2, 5)


@given(maps=arrays.arrays(np.float32, SHAPE, elements=st.floats(-10, 10, width=32)))
def test_each_image_gets_the_deviations_of_all_channels(maps):
    expected = maps.astype("float64").std(axis=0).mean(axis=(0, 1))
    found = MinibatchStd()(maps).numpy()
    assert found.shape == (4, 5)
    np.testing.assert_allclose(found, np.broadcast_to(expected, (4, 5)), atol=2e-4, rtol=1e-4)


@pytest.mark.parametrize("count", [1, 4])
def test_gradients_to_second_order_are_finite_where_all_images_are_equal(count):
    maps = tf.ones([count, *SHAPE[1:]])
    with tf.GradientTape() as outer:
        outer.watch(maps)
        with tf.GradientTape() as inner:
            inner.watch(maps)
            total = tf.reduce_sum(MinibatchStd()(maps))
        first = inner.gradient(total, maps)
        norm = tf.reduce_sum(first**2)
    assert np.isfinite(first).all() and np.isfinite(outer.gradient(norm, maps)).all()


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_in_16_bits_it_computes_in_float32(precision):
    with computing_in(precision):
        layer = MinibatchStd()
    deviations = layer(tf.constant([[[[1.0]]], [[[1.0 + 2e-3]]]]))
    assert deviations.dtype == "float32" == keras.config.floatx()
    assert float(deviations[0, 0]) == pytest.approx(1e-3, rel=0.02)
