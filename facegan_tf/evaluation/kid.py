"""KID: the squared maximum mean discrepancy between two sets of features, under a cubic kernel.

Binkowski et al., "Demystifying MMD GANs", 2018. Unlike FID its estimate is unbiased: it can fall below 0.
"""

from typing import NamedTuple

import numpy as np

SUBSETS = 100
SUBSET_SIZE = 1000


class KID(NamedTuple):
    """Over the subsets: mean and standard deviation, and how many there were, of how many features each."""

    mean: float
    std: float
    subsets: int
    subset_size: int


def kernel_distance(
    generated: np.ndarray,
    reference: np.ndarray,
    seed: int,
    subsets: int = SUBSETS,
    subset_size: int = SUBSET_SIZE,
) -> KID:
    """KID of features [N, D] and [M, D], over random subsets of `subset_size` (or N, or M, if less).

    Subsets are drawn as torch-fidelity draws them, so that one seed means the same subsets there.
    If they hold all features of both sides they are all the same, and one is computed, with a deviation of 0.
    """
    subset_size = min(subset_size, len(generated), len(reference))
    if subset_size == len(generated) == len(reference):
        subsets = 1
    random = np.random.RandomState(seed)
    distances = np.empty(subsets)
    for number in range(subsets):
        ours = generated[random.choice(len(generated), subset_size, replace=False)]
        theirs = reference[random.choice(len(reference), subset_size, replace=False)]
        distances[number] = _unbiased_mmd2(ours.astype(np.float64), theirs.astype(np.float64))
    return KID(float(distances.mean()), float(distances.std()), subsets, subset_size)


def _unbiased_mmd2(one: np.ndarray, other: np.ndarray) -> float:
    """The U-statistic of MMD^2 for two sets of the same number of features."""
    count = len(one)
    within = 0.0
    for features in (one, other):
        similar = _cubic_kernel(features, features)
        within += (similar.sum() - np.trace(similar)) / (count * (count - 1))
    return float(within - 2 * _cubic_kernel(one, other).mean())


def _cubic_kernel(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """(x . y / D + 1)^3 of all pairs."""
    return (one @ other.T / one.shape[1] + 1) ** 3
