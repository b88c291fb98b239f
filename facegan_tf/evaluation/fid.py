"""FID: the Fréchet distance between two sets of features, each taken as a Gaussian.

Heusel et al., "GANs trained by a two time-scale update rule converge to a local Nash equilibrium", 2017.
"""

from dataclasses import dataclass

import numpy as np

from facegan_tf.evaluation.metric import Metric, Score
from facegan_tf.evaluation.sides import Sides

ROWS_AT_ONCE = 1024
"""Features held in float64 at once."""


@dataclass(frozen=True)
class Moments:
    """What FID needs to know about a set of features, in float64."""

    count: int
    mean: np.ndarray
    """float64 [D]."""
    covariance: np.ndarray
    """float64 [D, D], unbiased: divided by count - 1."""

    @property
    def full_rank_count(self) -> int:
        """Fewest features whose covariance can have full rank."""
        return len(self.mean) + 1


def moments(features: np.ndarray) -> Moments:
    """Mean and covariance of float features [N, D], N at least 2, block by block in float64.

    Blocks are merged as in Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing
    sample variances", 1979, which never subtracts large numbers from each other.
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

    The trace of the root is computed as the sum of the singular values of C1^(1/2) C2^(1/2). That stays exact
    for rank-deficient covariances, unlike a root of C1 C2 itself.
    """
    shift = one.mean - other.mean
    product = _root(one.covariance) @ _root(other.covariance)
    overlap = np.linalg.svd(product, compute_uv=False).sum()
    distance = shift @ shift + np.trace(one.covariance) + np.trace(other.covariance) - 2 * overlap
    return max(0.0, float(distance))  # for equal sets, rounding can leave -1e-12


def _root(covariance: np.ndarray) -> np.ndarray:
    """The symmetric root of a covariance. Eigenvalues that rounding made negative count as 0."""
    values, vectors = np.linalg.eigh(covariance)
    return (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T


def _score(sides: Sides) -> Score:
    ours, theirs = (moments(features) for features in sides.features)
    count, needed = min(ours.count, theirs.count), ours.full_rank_count
    warnings = []
    if count < needed:
        warnings.append(
            f"fid: {count:,} images are too few for {needed - 1:,} features: the covariances are "
            f"rank-deficient and the score is far too high. Use {needed:,} images or more, or compare it "
            "only with scores of the same number of images"
        )
    return Score(frechet_distance(ours, theirs), warnings=warnings)


FID = Metric(
    name="fid",
    meaning="distance between both sets' features, each taken as a Gaussian; 0 for equal sets; biased by N",
    compute=_score,
    needs_features=True,
    better="lower",
    digits="{:.3f}",
)
