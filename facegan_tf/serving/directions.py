"""Directions in latent space along which faces change most: the sliders on the page.

The early layers of a generator decide what a face will show. They are approximated by a linear map, fitted to
random latents; the map's principal directions are those that move its outputs most. Sources:
Härkönen et al., "GANSpace" (2020), for the early activations; Shen and Zhou, "Closed-Form Factorization of
Latent Semantics in GANs" (SeFa, 2021), for the eigenvectors of the map instead of those of samples.
"""

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from facegan_tf.common import draws
from facegan_tf.common.images import to_uint8

COUNT = 12
"""Number of directions; fewer if a latent has fewer numbers."""
REACH = 2.0
"""Distance by which faces are moved to measure a direction, in standard deviations of a latent."""
SAMPLES_PER_LATENT = 4
"""Latent vectors drawn to fit the early layers, per dimension."""
FACES = 4
"""Number of faces that are moved along each direction."""


@dataclass(frozen=True)
class Directions:
    """Directions in latent space; the one that changes faces most comes first."""

    vectors: np.ndarray
    """float32 [K, L]: unit vectors, at right angles to each other."""
    movements: np.ndarray
    """float32 [K]: the mean change of a pixel, in grey levels, if a face moves by REACH."""

    @classmethod
    def none(cls, latent_dim: int) -> "Directions":
        """No directions, for a generator whose layers are unknown."""
        return cls(np.zeros((0, latent_dim), np.float32), np.zeros(0, np.float32))

    def to_json(self) -> dict[str, Any]:
        """As JSON values, which `from_json` reads."""
        return {
            "vectors": [[float(f"{number:.6g}") for number in vector] for vector in self.vectors],
            "movements": [round(float(movement), 2) for movement in self.movements],
        }

    @classmethod
    def from_json(cls, content: dict[str, Any], latent_dim: int) -> "Directions":
        """Read what `to_json` returned. Raises KeyError, TypeError or ValueError for anything else."""
        vectors = np.array(content["vectors"], np.float32).reshape(-1, latent_dim)
        movements = np.array(content["movements"], np.float32)
        if movements.shape != (len(vectors),) or not np.isfinite(vectors).all():
            raise ValueError("its directions are damaged")
        return cls(vectors, movements)


def find_directions(generator: keras.Model) -> Directions:
    """Find the directions of a generator that maps latents [N, L] to images in [-1, 1]. Draws 52 faces."""
    vectors = _principal_directions(_early_layers(generator), generator.input_shape[1])
    movements = _movements(generator, vectors)
    order = np.argsort(-movements, kind="stable")
    return Directions(vectors[order], movements[order])


def _early_layers(generator: keras.Model) -> keras.Model:
    """The generator up to the input of its second layer with a kernel: one linear map and its activation."""
    with_kernel = [layer for layer in generator.layers if hasattr(layer, "kernel")]
    early = with_kernel[1].input if len(with_kernel) > 1 else generator.output
    return keras.Model(generator.input, early)


def _principal_directions(early: keras.Model, latent_dim: int) -> np.ndarray:
    """The unit vectors float32 [K, L] that move the early activations most, on average over latents."""
    seeds = tf.range(SAMPLES_PER_LATENT * latent_dim, dtype=tf.int64)
    latents = draws.latents_of_seeds(seeds, latent_dim).numpy()
    activations = np.concatenate(
        [np.reshape(early(part, training=False), (len(part), -1)) for part in np.split(latents, latent_dim)]
    ).astype(np.float32)
    centred = latents - latents.mean(axis=0)
    linear, *_ = np.linalg.lstsq(centred, activations - activations.mean(axis=0), rcond=None)
    _, vectors = np.linalg.eigh((linear @ linear.T).astype(np.float64))  # ascending, in columns
    largest_first = vectors.T[::-1][: min(COUNT, latent_dim)]
    signs = np.sign(largest_first[np.arange(len(largest_first)), np.abs(largest_first).argmax(axis=1)])
    return (largest_first * signs[:, np.newaxis]).astype(np.float32)


def _movements(generator: keras.Model, vectors: np.ndarray) -> np.ndarray:
    """The mean change of a pixel, float32 [K], if faces move along each of the vectors [K, L]."""
    latents = draws.latents_of_seeds(tf.range(FACES, dtype=tf.int64), vectors.shape[1])

    def faces(at: tf.Tensor) -> np.ndarray:
        return to_uint8(generator(at, training=False)).numpy().astype(np.float32)

    there = faces(latents)
    moved = [np.abs(faces(latents + REACH * vector) - there).mean() for vector in vectors]
    return np.array(moved, np.float32)
