import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facegan_tf.evaluation import distances
from facegan_tf.evaluation.density_coverage import density_coverage
from facegan_tf.evaluation.precision_recall import precision_recall


def features(count, dimensions=3, seed=0, shift=0.0):
    return (np.random.default_rng(seed).normal(size=(count, dimensions)) + shift).astype(np.float32)


def by_definition(generated, reference, k):
    """Precision, recall, density and coverage, computed one ball at a time."""

    def radius(point, others):
        return np.sort(np.linalg.norm(others - point, axis=1))[k]

    generated, reference = generated.astype(float), reference.astype(float)
    radii, own = [np.array([radius(point, side) for point in side]) for side in (reference, generated)]
    between = np.linalg.norm(generated[:, None] - reference, axis=2)
    inside = between < radii
    precision, density = inside.any(axis=1).mean(), inside.sum() / (k * len(generated))
    return precision, (between < own[:, None]).any(axis=0).mean(), density, inside.any(axis=0).mean()


@given(st.integers(6, 40), st.integers(6, 40), st.integers(1, 5), st.integers(0, 99), st.floats(0, 2))
def test_they_match_their_definition(count, others, k, seed, shift):
    generated, reference = features(count, seed=seed, shift=shift), features(others, seed=seed + 100)
    expected = by_definition(generated, reference, k)
    assert precision_recall(generated, reference, k) == pytest.approx(expected[:2], abs=1e-12)
    assert density_coverage(generated, reference, k) == pytest.approx(expected[2:], abs=1e-12)


def test_blocks_of_rows_change_nothing(monkeypatch):
    generated, reference = features(50), features(60, seed=1, shift=0.5)
    whole = precision_recall(generated, reference), density_coverage(generated, reference)
    monkeypatch.setattr(distances, "VALUES_AT_ONCE", 7 * 60)
    assert (precision_recall(generated, reference), density_coverage(generated, reference)) == whole


def test_equal_features_have_distance_0_however_large_they_are():
    # |a|^2 + |b|^2 - 2ab leaves a rounding error, which would decide by chance whether a copy lies in a ball.
    copies = np.repeat(features(3, 500, shift=300.0), 4, axis=0)
    assert (distances.squared_radii(copies, 3) == 0).all()


def test_a_generator_that_repeats_few_images_has_no_recall():
    reference = features(200)
    repeated = np.repeat(features(20, seed=1), 10, axis=0)
    assert precision_recall(repeated, reference)[0] > 0.5
    assert precision_recall(repeated, reference)[1] == 0


def test_precision_measures_fidelity_and_recall_variety():
    reference = features(300)
    narrow, wide = features(300, seed=1) * 0.3, features(300, seed=1) * 5
    assert precision_recall(narrow, reference)[0] > 0.9 > 0.3 > precision_recall(narrow, reference)[1]
    assert precision_recall(wide, reference)[0] < 0.3 < 0.9 < precision_recall(wide, reference)[1]
    assert density_coverage(narrow, reference)[0] > density_coverage(wide, reference)[0]
