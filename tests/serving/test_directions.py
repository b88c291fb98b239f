"""The directions along which faces change most."""

import itertools

import keras
import numpy as np
import pytest

from facegan_tf.serving import directions
from facegan_tf.serving.directions import Directions, find_directions

LATENT_DIM = 6


def generator(weights):
    """A net whose first layer has these weights [L, M], and whose images show its activations."""
    latents = keras.Input((LATENT_DIM,))
    hidden = keras.layers.Dense(weights.shape[1], use_bias=False, name="first")(latents)
    pixels = keras.layers.Dense(8 * 8 * 3, use_bias=False, name="second")(hidden)
    net = keras.Model(latents, keras.layers.Reshape((8, 8, 3))(keras.layers.Activation("tanh")(pixels)))
    net.get_layer("first").set_weights([weights])
    spread = np.zeros((weights.shape[1], 192), np.float32)
    for column, row in zip(range(192), itertools.cycle(range(weights.shape[1]))):
        spread[row, column] = 1
    net.get_layer("second").set_weights([spread])
    return net


def test_they_are_the_eigenvectors_of_the_first_weights_in_the_order_of_what_they_move():
    random = np.random.default_rng(0)
    rotation, _ = np.linalg.qr(random.normal(size=(LATENT_DIM, LATENT_DIM)))
    strengths = np.array([0.1, 0.6, 0.3, 0.05, 0.4, 0.2])
    found = find_directions(generator((rotation * strengths).astype(np.float32)))
    expected = np.linalg.eigh((rotation * strengths) @ (rotation * strengths).T)[1].T[::-1]
    np.testing.assert_allclose(np.abs(found.vectors @ expected.T), np.eye(LATENT_DIM), atol=1e-3)
    assert found.vectors.dtype == np.float32
    assert list(found.movements) == sorted(found.movements, reverse=True) and found.movements[-1] > 0


def test_where_there_are_more_than_are_shown_the_strongest_are(monkeypatch):
    monkeypatch.setattr(directions, "COUNT", 2)
    strengths = np.array([0.1, 0.6, 0.3, 0.05, 0.4, 0.2], np.float32)
    found = find_directions(generator(np.diag(strengths)))
    np.testing.assert_allclose(found.vectors, np.eye(LATENT_DIM)[[1, 4]], atol=1e-2)


def test_they_can_be_written_as_json_and_read_again():
    found = find_directions(
        generator(np.random.default_rng(1).normal(size=(LATENT_DIM, 9)).astype(np.float32) / 4)
    )
    read = Directions.from_json(found.to_json(), LATENT_DIM)
    np.testing.assert_allclose(read.vectors, found.vectors, rtol=1e-5)
    np.testing.assert_allclose(read.movements, found.movements, atol=0.005)
    with pytest.raises(ValueError):
        Directions.from_json(found.to_json(), LATENT_DIM + 1)
