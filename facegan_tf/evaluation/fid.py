"""FID: the Frechet distance between two sets of features, each taken as a Gaussian.

Heusel et al., "GANs trained by a two time-scale update rule converge to a local Nash equilibrium", 2017.
"""

from dataclasses import dataclass

import numpy as np

ROWS_AT_ONCE = 1024
"""Features that are held in float64 at once."""


@dataclass(frozen=True)
class Moments:
    """What FID needs of a set of features, in float64."""

    count: int
    mean: np.ndarray
    """[D]."""
    covariance: np.ndarray
    """[D, D], unbiased: divided by count - 1."""

    @property
    def full_rank_count(self) -> int:
        """How many features it takes at least for a covariance of full rank."""
        return len(self.mean) + 1


def moments(features: np.ndarray) -> Moments:
    """Mean and covariance of float features [N, D], N at least 2, streamed in float64.

    Block after block is merged into the sums as Chan, Golub and LeVeque do ("Updating formulae and a pairwise
    algorithm for computing sample variances", 1979): no large numbers are subtracted from each other.
    """
    dimensions = features.shape[1]
    count, mean = 0, np.zeros(dimensions)
    scatter = np.zeros((dimensions, dimensions))
    for start in range(0, len(features), ROWS_AT_ONCE):
        block = features[start : start + ROWS_AT_ONCE].astype(np.float64)
        block_mean = block.mean(axis=0)
        centred = block - block_mean
        step = block_mean - mean
        total = count + len(block)
        scatter += centred.T @ centred + np.outer(step, step) * (count * len(block) / total)
        mean += step * (len(block) / total)
        count = total
    return Moments(count, mean, scatter / (count - 1))


def frechet_distance(one: Moments, other: Moments) -> float:
    """|m1 - m2|^2 + trace(C1 + C2 - 2 (C1 C2)^(1/2)): 0 for equal moments.

    The trace of the root is the sum of the singular values of C1^(1/2) C2^(1/2), which stays exact where
    covariances are rank-deficient; a root of C1 C2 itself doesn't.
    """
    shift = one.mean - other.mean
    product = _root(one.covariance) @ _root(other.covariance)
    overlap = np.linalg.svd(product, compute_uv=False).sum()
    distance = shift @ shift + np.trace(one.covariance) + np.trace(other.covariance) - 2 * overlap
    return max(0.0, float(distance))  # rounding leaves some -1e-12 of equal sets


def _root(covariance: np.ndarray) -> np.ndarray:
    """The symmetric root of a covariance; eigenvalues that rounding made negative count as 0."""
    values, vectors = np.linalg.eigh(covariance)
    return (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
