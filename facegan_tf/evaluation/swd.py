"""SWD: how far two sets of images are apart in their small patches, from fine detail to coarse structure.

Karras et al., "Progressive growing of GANs for improved quality, stability, and variation", 2018, section 5:
patches of 7x7 pixels from each level of a Laplacian pyramid, and the sliced Wasserstein distance between the
patches of one set and those of the other. It needs no network.
"""

from collections.abc import Iterator

import numpy as np

from facegan_tf.evaluation import filters

PATCH = 7
PATCHES_AN_IMAGE = 128
DIRECTIONS = 512
DIRECTIONS_AT_ONCE = 64
SMALLEST = 16
"""Pixels a side of the coarsest level."""
MOST_IMAGES = 8192
"""Of each side; more would take much memory and tell little more."""

_BINOMIAL = np.array([1, 4, 6, 4, 1], np.float32) / 16


def sliced_wasserstein(generated: np.ndarray, reference: np.ndarray, seed: int) -> dict[int, float]:
    """SWD times 1000 of uint8 images [N, S, S, 3] and [M, S, S, 3] at each level: {S: ..., S / 2: ..., ...}.

    Patches and directions are random, drawn from the seed. Sets of different sizes are compared by as many
    patches as the smaller has. Only the first 8,192 images of each are used.
    """
    count = min(len(generated), len(reference), MOST_IMAGES)
    random = np.random.default_rng(seed)
    distances = {}
    for ours, theirs in zip(_levels(generated[:count]), _levels(reference[:count]), strict=True):
        one, other = (_normalised(_patches(level, random)) for level in (ours, theirs))
        distances[ours.shape[1]] = 1000 * _distance(one, other, random)
    return distances


def level_sizes(size: int) -> list[int]:
    """The pyramid's levels for images of `size` pixels: halved down to 16 or more; at least one."""
    sizes = [size]
    while sizes[-1] // 2 >= SMALLEST:
        sizes.append(-(-sizes[-1] // 2))
    return sizes


def _levels(images: np.ndarray) -> Iterator[np.ndarray]:
    """The Laplacian pyramid of images, float32 [N, size, size, 3] a level, from the finest to the coarsest.

    Each level but the last is what its smaller copy lacks.
    """
    fine = images.astype(np.float32)
    for size in level_sizes(images.shape[1])[:-1]:
        blur = filters.mirrored(_BINOMIAL, size)
        coarse = filters.apply(blur[::2], fine)
        # Between the coarse pixels lie zeros: twice the weight, in each direction, makes up for them.
        yield fine - filters.apply(2 * blur[:, ::2], coarse)
        fine = coarse
    yield fine


def _patches(images: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Random patches, 128 of each image: float32 [N * 128, 7, 7, 3]."""
    count, size = images.shape[:2]
    windows = np.lib.stride_tricks.sliding_window_view(images, (PATCH, PATCH), axis=(1, 2))
    image = np.repeat(np.arange(count), PATCHES_AN_IMAGE)
    row, column = random.integers(0, size - PATCH + 1, (2, len(image)))
    return windows[image, row, column].transpose(0, 2, 3, 1)


def _normalised(patches: np.ndarray) -> np.ndarray:
    """Patches as vectors, each channel with mean 0 and standard deviation 1 over all: float32 [N, 147]."""
    mean = patches.mean(axis=(0, 1, 2), dtype=np.float64).astype(np.float32)
    std = patches.std(axis=(0, 1, 2), dtype=np.float64).astype(np.float32)
    # A set of one colour has no deviation, and its patches are then all 0.
    return ((patches - mean) / np.maximum(std, 1e-8)).reshape(len(patches), -1)


def _distance(ours: np.ndarray, theirs: np.ndarray, random: np.random.Generator) -> float:
    """Mean over random directions of the Wasserstein-1 distance between both sets' projections."""
    directions = random.standard_normal((ours.shape[1], DIRECTIONS)).astype(np.float32)
    directions /= np.linalg.norm(directions, axis=0)
    total = 0.0
    for start in range(0, DIRECTIONS, DIRECTIONS_AT_ONCE):
        some = directions[:, start : start + DIRECTIONS_AT_ONCE]
        # Sorted along the last axis, whose values lie side by side.
        projected = [np.sort(some.T @ patches.T, axis=1) for patches in (ours, theirs)]
        total += np.abs(projected[0] - projected[1]).sum(dtype=np.float64)
    return float(total / (DIRECTIONS * len(ours)))
