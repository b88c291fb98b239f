"""Euclidean distances between features, a block of rows at a time, for nearest-neighbour metrics."""

from collections.abc import Iterator

import numpy as np

VALUES_AT_ONCE = 2**24
"""Distances held in memory at once."""

# For equal features |a|^2 + |b|^2 - 2ab should be 0, but rounding leaves about 1e-16 of |a|^2.
_ROUNDING = 1e-13


def squared_distances(one: np.ndarray, other: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield blocks of rows of `one` with their squared distances to all of `other`, float64 [rows, M].

    one, other: features [N, D] and [M, D].
    """
    theirs = other.astype(np.float64)
    their_squares = (theirs**2).sum(axis=1)
    at_once = max(1, VALUES_AT_ONCE // len(other))
    for start in range(0, len(one), at_once):
        rows = slice(start, min(start + at_once, len(one)))
        ours = one[rows].astype(np.float64)
        sums = (ours**2).sum(axis=1)[:, None] + their_squares
        distances = sums - 2 * ours @ theirs.T
        distances[distances < _ROUNDING * sums] = 0
        yield rows, distances


def squared_radii(features: np.ndarray, k: int) -> np.ndarray:
    """The squared distance, float64 [N], from each feature to the k-th nearest of the others, k below N."""
    radii = np.empty(len(features))
    for rows, distances in squared_distances(features, features):
        radii[rows] = np.partition(distances, k, axis=1)[:, k]  # index 0 is the feature itself
    return radii
