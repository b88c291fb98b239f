"""Density and coverage: like precision and recall, but outliers don't blow them up.

Naeem et al., "Reliable fidelity and diversity metrics for generative models", 2020. Density is fidelity: in
how many reals' balls a fake lies, over k; it can exceed 1. Coverage is variety: the share of the reals
whose balls hold a fake. Real against real, density is about 1, and coverage about 1 - 1 / 2^k.
"""

import numpy as np

from facegan_tf.evaluation.distances import squared_distances, squared_radii

NEIGHBOUR = 5
"""A real's ball reaches to its neighbour of this number among the reals."""


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
