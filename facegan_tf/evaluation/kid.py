"""KID: the squared maximum mean discrepancy between two sets of features, under a cubic kernel.

Binkowski et al., "Demystifying MMD GANs", 2018. Unlike FID its estimate is unbiased: it can fall below 0.
"""

from typing import NamedTuple

import numpy as np

from facegan_tf.evaluation.metric import Metric, Score
from facegan_tf.evaluation.sides import Sides

SUBSETS = 100
SUBSET_SIZE = 1000


class KernelDistance(NamedTuple):
    """Mean and standard deviation over the subsets, the number of subsets, and the features in each."""

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
) -> KernelDistance:
    """KID of features [N, D] and [M, D], over random subsets of `subset_size` (or N, or M, if less).

    Subsets are drawn as torch-fidelity draws them, so a seed gives the same subsets there. Subsets that hold
    all features of both sides are all the same: then only one is computed, and the deviation is 0.
    """
    subset_size = min(subset_size, len(generated), len(reference))
    if subset_size == len(generated) == len(reference):
        subsets = 1
    random = np.random.RandomState(
        seed % 2**32
    )  # which takes no larger seeds, but the faces' seeds may be larger
    distances = np.empty(subsets)
    for number in range(subsets):
        ours = generated[random.choice(len(generated), subset_size, replace=False)]
        theirs = reference[random.choice(len(reference), subset_size, replace=False)]
        distances[number] = _unbiased_mmd2(ours.astype(np.float64), theirs.astype(np.float64))
    return KernelDistance(float(distances.mean()), float(distances.std()), subsets, subset_size)


def _unbiased_mmd2(one: np.ndarray, other: np.ndarray) -> float:
    """The U-statistic of MMD^2 for two sets with the same number of features."""
    count = len(one)
    within = 0.0
    for features in (one, other):
        similar = _cubic_kernel(features, features)
        within += (similar.sum() - np.trace(similar)) / (count * (count - 1))
    return float(within - 2 * _cubic_kernel(one, other).mean())


def _cubic_kernel(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """(x . y / D + 1)^3 for all pairs, [N, M]."""
    return (one @ other.T / one.shape[1] + 1) ** 3


def _score(sides: Sides) -> Score:
    distance = kernel_distance(*sides.features, sides.seed)
    warnings = []
    if distance.subsets == 1:
        warnings.append(
            f"kid: {distance.subset_size:,} images make only one subset, of all of them, so kid_std is 0 and "
            "says nothing"
        )
    return Score(
        distance.mean,
        parts={"std": distance.std},
        settings={"subsets": distance.subsets, "subset_size": distance.subset_size},
        warnings=warnings,
    )


KID = Metric(
    name="kid",
    meaning="distance between both sets' features; unbiased: about 0 for sets that are alike",
    compute=_score,
    needs_features=True,
    better="lower",
    digits="{:.6f}",
)
