"""SWD: the distance between small patches of two sets of images, from fine detail to coarse structure.

Karras et al., "Progressive growing of GANs for improved quality, stability, and variation", 2018, section 5:
it takes patches of 7x7 pixels from each level of a Laplacian pyramid and computes the sliced Wasserstein
distance between the patches of both sets. It needs no network.
"""

from collections.abc import Iterator

import numpy as np

from facegan_tf.evaluation import filters
from facegan_tf.evaluation.metric import Metric, Score
from facegan_tf.evaluation.sides import Sides

PATCH = 7
PATCHES_PER_IMAGE = 128
DIRECTIONS = 512
DIRECTIONS_AT_ONCE = 64
IMAGES_AT_ONCE = 16
SMALLEST = 16
"""Smallest width of a pyramid level, in pixels."""
MOST_IMAGES = 8192
"""Most images used from each side; more would take much memory and add little."""

_BINOMIAL = np.array([1, 4, 6, 4, 1], np.float32) / 16


def sliced_wasserstein(generated: np.ndarray, reference: np.ndarray, seed: int) -> dict[int, float]:
    """SWD times 1000 at each level, {S: ..., S / 2: ..., ...}, of uint8 images [N, S, S, 3] and [M, S, S, 3].

    Patches and directions are random, drawn from the seed. Of each set, only as many images are used as the
    smaller set has, and at most the first 8,192.
    """
    count = min(len(generated), len(reference), MOST_IMAGES)
    random = np.random.default_rng(seed)
    ours, theirs = generated[:count], reference[:count]
    distances = {}
    for size in (sizes := level_sizes(generated.shape[1])):
        is_last = size == sizes[-1]
        one, other = (_normalised(_patches(images, not is_last, random)) for images in (ours, theirs))
        distances[size] = 1000 * _distance(one, other, random)
        if not is_last:
            ours, theirs = _coarser(ours), _coarser(theirs)
    return distances


def level_sizes(size: int) -> list[int]:
    """Widths of the pyramid's levels for images of `size` pixels: halved, but not below 16; at least one."""
    sizes = [size]
    while sizes[-1] // 2 >= SMALLEST:
        sizes.append(-(-sizes[-1] // 2))
    return sizes


# The pyramid is Laplacian: each level but the last holds the detail that is missing from the next smaller
# copy. It is computed for a few images at a time, since all at once would take many times the images' memory.


def _coarser(images: np.ndarray) -> np.ndarray:
    """The images [N, S, S, 3] of any type at half their width, rounded up: float32."""
    size = images.shape[1]
    halve = filters.mirrored(_BINOMIAL, size)[::2]
    coarse = np.empty((len(images), len(halve), len(halve), 3), np.float32)
    for some in _batches(len(images)):
        coarse[some] = filters.apply(halve, images[some].astype(np.float32))
    return coarse


def _detail(images: np.ndarray) -> np.ndarray:
    """What is missing from `_coarser(images)`: float32 [N, S, S, 3]."""
    # Zeros lie between the coarse pixels; doubling the weights, in each direction, makes up for them.
    double = 2 * filters.mirrored(_BINOMIAL, images.shape[1])[:, ::2]
    return images.astype(np.float32) - filters.apply(double, _coarser(images))


def _patches(images: np.ndarray, of_detail: bool, random: np.random.Generator) -> np.ndarray:
    """Random patches of the images or of their detail, 128 from each: float32 [N * 128, 7, 7, 3]."""
    count, size = images.shape[:2]
    row, column = random.integers(0, size - PATCH + 1, (2, count, PATCHES_PER_IMAGE))
    patches = np.empty((count, PATCHES_PER_IMAGE, PATCH, PATCH, 3), np.float32)
    for some in _batches(count):
        maps = _detail(images[some]) if of_detail else images[some]
        windows = np.lib.stride_tricks.sliding_window_view(maps, (PATCH, PATCH), axis=(1, 2))
        image = np.arange(len(maps))[:, np.newaxis]
        patches[some] = windows[image, row[some], column[some]].transpose(0, 1, 3, 4, 2)
    return patches.reshape(-1, PATCH, PATCH, 3)


def _batches(count: int) -> Iterator[slice]:
    return (slice(start, start + IMAGES_AT_ONCE) for start in range(0, count, IMAGES_AT_ONCE))


def _normalised(patches: np.ndarray) -> np.ndarray:
    """Patches as vectors, each channel with mean 0 and standard deviation 1 over all: float32 [N, 147]."""
    mean = patches.mean(axis=(0, 1, 2), dtype=np.float64).astype(np.float32)
    std = patches.std(axis=(0, 1, 2), dtype=np.float64).astype(np.float32)
    # The deviation of a set of one colour is 0; its patches then become all 0.
    return ((patches - mean) / np.maximum(std, 1e-8)).reshape(len(patches), -1)


def _distance(ours: np.ndarray, theirs: np.ndarray, random: np.random.Generator) -> float:
    """The Wasserstein-1 distance between the two sets' projections, averaged over random directions."""
    directions = random.standard_normal((ours.shape[1], DIRECTIONS)).astype(np.float32)
    directions /= np.linalg.norm(directions, axis=0)
    total = 0.0
    for start in range(0, DIRECTIONS, DIRECTIONS_AT_ONCE):
        some = directions[:, start : start + DIRECTIONS_AT_ONCE]
        # Sorted along the last axis, which is contiguous in memory.
        projected = [np.sort(some.T @ patches.T, axis=1) for patches in (ours, theirs)]
        total += np.abs(projected[0] - projected[1]).sum(dtype=np.float64)
    return float(total / (DIRECTIONS * len(ours)))


def _score(sides: Sides) -> Score:
    levels = sliced_wasserstein(sides.generated[:MOST_IMAGES], sides.reference[:MOST_IMAGES], sides.seed)
    return Score(
        float(np.mean(list(levels.values()))),
        parts={str(size): distance for size, distance in levels.items()},
        settings={
            "times": 1000,
            "patches_per_image": PATCHES_PER_IMAGE,
            "directions": DIRECTIONS,
            "images": min(len(sides.generated), MOST_IMAGES),
        },
    )


SWD = Metric(
    name="swd",
    meaning="distance between both sets' small patches, from fine to coarse, times 1000",
    compute=_score,
    needs_features=False,
    better="lower",
    digits="{:.2f}",
)
