"""What the comparisons of GANs with PyTorch draw alike on both sides.

All numbers come from `np.random.RandomState`, whose stream numpy keeps stable for good. Every array has a
stream of its own, so the order of drawing doesn't matter. Everything is float64.
"""

import zlib
from typing import NamedTuple

import numpy as np

Arrays = dict[str, np.ndarray]
"""Arrays by name."""


class Batch(NamedTuple):
    """What one training step takes."""

    reals: np.ndarray  # [N, S, S, 3] in [-1, 1]
    reals_g: np.ndarray  # other reals, for a generator's loss that compares
    latents_d: np.ndarray  # [N, L]
    latents_g: np.ndarray
    label_noise: np.ndarray  # U(0, 1), [2N, 1]: the fakes', then the reals'


def batch(step: int, count: int, size: int, latent_dim: int) -> Batch:
    """The inputs of step 0, 1, ...: `count` images of `size` pixels, and as many latents."""
    random = {name: stream("batch", name, str(step)) for name in Batch._fields}
    images, latents = (count, size, size, 3), (count, latent_dim)
    return Batch(
        reals=random["reals"].uniform(-1, 1, images),
        reals_g=random["reals_g"].uniform(-1, 1, images),
        latents_d=random["latents_d"].normal(size=latents),
        latents_g=random["latents_g"].normal(size=latents),
        label_noise=random["label_noise"].uniform(size=(2 * count, 1)),
    )


def stream(*names: str) -> np.random.RandomState:
    """The stream of the array of this name."""
    return np.random.RandomState([zlib.crc32(name.encode()) for name in names])
