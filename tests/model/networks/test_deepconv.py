import itertools

import keras
import numpy as np
import pytest

from facegan_tf.config.networks import DeepConvNetworks
from facegan_tf.model.networks import deepconv
from tests.helpers.configs import tiny_config

SEED_LAYERS = {  # output shapes of the source's layers with weights, at 128 pixels
    "generator": [
        ("Dense", (32768,)),
        ("Conv2D", (16, 16, 256)),
        ("Conv2DTranspose", (32, 32, 256)),
        ("Conv2DTranspose", (64, 64, 256)),
        ("Conv2DTranspose", (128, 128, 256)),
        ("Conv2D", (128, 128, 512)),
        ("Conv2D", (128, 128, 512)),
        ("Conv2D", (128, 128, 3)),
    ],
    "discriminator": [
        ("Conv2D", (126, 126, 256)),
        ("Conv2D", (62, 62, 256)),
        ("Conv2D", (30, 30, 256)),
        ("Conv2D", (14, 14, 256)),
        ("Conv2D", (6, 6, 256)),
        ("Dense", (1,)),
    ],
}


def build(size, settings):
    return (
        deepconv.build_generator(size, settings, itertools.count(0)),
        deepconv.build_discriminator(size, settings, itertools.count(100)),
    )


def test_at_128_pixels_the_nets_match_the_source():
    for model, parameters in zip(
        build(128, DeepConvNetworks(family="deepconv")), (14_953_987, 4_211_713), strict=True
    ):
        shapes = [(type(x).__name__, x.output.shape[1:]) for x in model.layers if x.weights]
        assert shapes == SEED_LAYERS[model.name]
        assert model.count_params() == parameters
        slopes = {x.negative_slope for x in model.layers if isinstance(x, keras.layers.LeakyReLU)}
        assert slopes == {0.3}


@pytest.mark.parametrize("size", [32, 64, 256])
def test_at_every_size_the_discriminator_ends_in_a_map_of_six_pixels(size):
    settings = tiny_config().networks
    generator, discriminator = build(size, settings)
    assert generator.output_shape == (None, size, size, 3)
    assert discriminator.input_shape == (None, size, size, 3)
    flatten = next(x for x in discriminator.layers if isinstance(x, keras.layers.Flatten))
    assert flatten.input.shape[1:3] == (6, 6)


def test_images_are_between_minus_one_and_one():
    generator, _ = build(32, tiny_config().networks)
    images = generator(100 * np.random.default_rng(0).normal(size=(8, 4)).astype("float32")).numpy()
    assert images.dtype == np.float32
    assert np.abs(images).max() <= 1
    assert np.abs(images).max() > 0.9  # the values before tanh are far larger


def test_dropout_is_active_only_in_training():
    _, discriminator = build(32, tiny_config().networks)
    images = np.random.default_rng(0).uniform(-1, 1, (4, 32, 32, 3)).astype("float32")
    assert (
        discriminator(images, training=True).numpy() != discriminator(images, training=True).numpy()
    ).any()
    np.testing.assert_array_equal(discriminator(images), discriminator(images, training=False))


def test_initial_weights_depend_on_the_seeds_alone():
    settings = tiny_config().networks
    one, same = (deepconv.build_generator(32, settings, itertools.count(1)) for _ in range(2))
    other = deepconv.build_generator(32, settings, itertools.count(2))
    for a, b, c in zip(one.get_weights(), same.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
        assert a.ndim == 1 or (a != c).any()
