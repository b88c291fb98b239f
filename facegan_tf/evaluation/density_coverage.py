"""Density and coverage: like precision and recall, but robust against outliers.

Naeem et al., "Reliable fidelity and diversity metrics for generative models", 2020. Density is fidelity: the
number of reals' balls that a fake lies in, divided by k; it can exceed 1. Coverage is variety: the share of
the reals whose balls hold a fake. Real against real, density is about 1, and coverage about 1 - 1 / 2^k.
"""

import numpy as np

from facegan_tf.evaluation.distances import squared_distances, squared_radii
from facegan_tf.evaluation.metric import Metric, Score
from facegan_tf.evaluation.sides import Sides

NEIGHBOUR = 5
"""k: a real's ball reaches to its k-th nearest neighbour among the reals."""


def density_coverage(generated: np.ndarray, reference: np.ndarray, k: int = NEIGHBOUR) -> tuple[float, float]:
    """Density and coverage of features [N, D] and [M, D], M above k."""
    radii = squared_radii(reference, k)
    inside = 0
    covered = np.zeros(len(reference), bool)
    for _, distances in squared_distances(generated, reference):
        hits = distances < radii
        inside += int(np.count_nonzero(hits))
        covered |= hits.any(axis=0)
    return float(inside / (k * len(generated))), float(covered.mean())


def _both(sides: Sides) -> tuple[float, float]:
    return density_coverage(*sides.features)


DENSITY = Metric(
    name="density",
    meaning="how densely reals surround the generated faces; about 1 for reals",
    compute=lambda sides: Score(sides.shared(_both)[0], settings={"k": NEIGHBOUR}),
    needs_features=True,
    better="higher",
    min_count=NEIGHBOUR + 1,
)
COVERAGE = Metric(
    name="coverage",
    meaning="share of the reals that have a generated face nearby: variety",
    compute=lambda sides: Score(sides.shared(_both)[1], settings={"k": NEIGHBOUR}),
    needs_features=True,
    better="higher",
    min_count=NEIGHBOUR + 1,
)
