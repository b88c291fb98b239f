import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from facegan_tf.model.ema import RAMP, update_average


def net(seed=0):
    keras.utils.set_random_seed(seed)
    latents = keras.Input((3,))
    x = keras.layers.BatchNormalization()(keras.layers.Dense(4)(latents))
    return keras.Model(latents, keras.layers.Dropout(0.5, seed=seed)(x))


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 64), st.floats(1.0, 1e6), st.integers(0, 10**7))
def test_each_float_moves_by_its_share_and_nothing_else_is_averaged(images, half_life, before):
    average, source = net(1), net(2)
    old, new = ([v.numpy() for v in each.variables] for each in (average, source))
    seen = before + images
    update_average(average, source, half_life, tf.constant(seen), images)
    keep = 0.5 ** (images / min(half_life, RAMP * seen))
    for variable, was, other in zip(average.variables, old, new, strict=True):
        is_float = variable.dtype.startswith("float")
        expected = keep * was + (1 - keep) * other if is_float else other
        np.testing.assert_allclose(variable.numpy(), expected, rtol=1e-5, atol=1e-6)


def test_after_a_half_life_the_old_weights_count_half():
    average, source = net(1), net(2)
    old, new = (each.layers[1].kernel.numpy() for each in (average, source))
    for step in range(1, 101):
        update_average(average, source, 100 * 8, tf.constant(10**6 + 8 * step), 8)
    np.testing.assert_allclose(average.layers[1].kernel.numpy(), (old + new) / 2, rtol=1e-4, atol=1e-6)


def test_the_ramp_forgets_the_first_weights():
    average, source = net(1), net(2)
    for step in range(1, 20):
        update_average(average, source, 1e9, tf.constant(8 * step), 8)
    np.testing.assert_allclose(
        average.layers[1].kernel.numpy(), source.layers[1].kernel.numpy(), rtol=1e-3, atol=1e-5
    )


def test_a_net_of_other_layers_is_refused():
    with pytest.raises(ValueError):
        update_average(
            net(), keras.Sequential([keras.Input((3,)), keras.layers.Dense(4)]), 1.0, tf.constant(8), 8
        )
