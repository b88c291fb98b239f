"""Improved precision and recall: how many fakes lie among the reals, and how many reals among the fakes.

Kynkaanniemi et al., "Improved precision and recall metric for assessing generative models", 2019. Precision
is fidelity, recall is variety; both are shares, from 0 to 1.
"""

import numpy as np

from facegan_tf.evaluation.distances import squared_distances, squared_radii

NEIGHBOUR = 3
"""A set's manifold is the balls around its features that reach to the neighbour of this number."""


def precision_recall(generated: np.ndarray, reference: np.ndarray, k: int = NEIGHBOUR) -> tuple[float, float]:
    """Precision and recall of features [N, D] and [M, D], N and M above k.

    A feature lies in a ball if it is nearer to the centre than the radius, as in Naeem et al., 2020 (prdc).
    """
    reference_radii, generated_radii = squared_radii(reference, k), squared_radii(generated, k)
    precise = np.empty(len(generated), bool)
    recalled = np.zeros(len(reference), bool)
    for rows, distances in squared_distances(generated, reference):
        precise[rows] = (distances < reference_radii).any(axis=1)
        recalled |= (distances < generated_radii[rows, None]).any(axis=0)
    return float(precise.mean()), float(recalled.mean())
