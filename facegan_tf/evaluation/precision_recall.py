"""Improved precision and recall: the share of fakes that lie among the reals, and of reals among the fakes.

Kynkäänniemi et al., "Improved precision and recall metric for assessing generative models", 2019. Precision
is fidelity, recall is variety; both are shares, from 0 to 1.
"""

import numpy as np

from facegan_tf.evaluation.distances import squared_distances, squared_radii
from facegan_tf.evaluation.metric import Metric, Score
from facegan_tf.evaluation.sides import Sides

NEIGHBOUR = 3
"""k: a set's manifold is made of balls around its features, each reaching to the k-th nearest neighbour."""


def precision_recall(generated: np.ndarray, reference: np.ndarray, k: int = NEIGHBOUR) -> tuple[float, float]:
    """Precision and recall of features [N, D] and [M, D], N and M above k.

    A feature lies in a ball if its distance from the centre is below the radius, as in Naeem et al., 2020
    (prdc).
    """
    reference_radii, generated_radii = squared_radii(reference, k), squared_radii(generated, k)
    precise = np.empty(len(generated), bool)
    recalled = np.zeros(len(reference), bool)
    for rows, distances in squared_distances(generated, reference):
        precise[rows] = (distances < reference_radii).any(axis=1)
        recalled |= (distances < generated_radii[rows, None]).any(axis=0)
    return float(precise.mean()), float(recalled.mean())


def _both(sides: Sides) -> tuple[float, float]:
    return precision_recall(*sides.features)


PRECISION = Metric(
    name="precision",
    meaning="share of the generated faces that look real",
    compute=lambda sides: Score(sides.shared(_both)[0], settings={"k": NEIGHBOUR}),
    needs_features=True,
    better="higher",
    min_count=NEIGHBOUR + 1,
)
RECALL = Metric(
    name="recall",
    meaning="share of the reals that the generator could have drawn: variety",
    compute=lambda sides: Score(sides.shared(_both)[1], settings={"k": NEIGHBOUR}),
    needs_features=True,
    better="higher",
    min_count=NEIGHBOUR + 1,
)
