import numpy as np
import pytest

from facegan_tf.evaluation import kid


def features(count, seed=0, shift=0.0):
    return (np.random.default_rng(seed).normal(size=(count, 4)) + shift).astype(np.float32)


def mmd2_by_loops(one, other):
    """The unbiased estimate, pair by pair."""

    def kernel(x, y):
        return (np.dot(x, y) / len(x) + 1) ** 3

    n = len(one)
    within = sum(kernel(s[i], s[j]) for s in (one, other) for i in range(n) for j in range(n) if i != j)
    between = sum(kernel(x, y) for x in one for y in other)
    return within / (n * (n - 1)) - 2 * between / n**2


def test_one_subset_of_everything_is_the_unbiased_estimate():
    one, other = features(12).astype(float), features(12, 1, 0.5).astype(float)
    result = kid.kernel_distance(one, other, seed=0)
    assert result.mean == pytest.approx(mmd2_by_loops(one, other), rel=1e-12)
    assert (result.std, result.subsets, result.subset_size) == (0.0, 1, 12)


def test_mean_and_deviation_are_over_subsets_of_the_size_asked_for():
    one, other = features(300), features(200, 1)
    small, large = (kid.kernel_distance(one, other, 0, subset_size=size) for size in (10, 150))
    assert (large.subsets, large.subset_size) == (100, 150)
    assert small.std > 5 * large.std > 0


def test_two_samples_of_one_distribution_score_about_0_and_others_more():
    same = kid.kernel_distance(features(1500), features(1500, 1), seed=0, subset_size=100)
    apart = kid.kernel_distance(features(1500), features(1500, 1, 0.3), seed=0, subset_size=100)
    assert abs(same.mean) < 0.02 < 0.2 < apart.mean


def test_the_seed_decides_the_subsets():
    one, other = features(200), features(200, 1)
    first, again, another = (kid.kernel_distance(one, other, seed, 10, 50) for seed in (1, 1, 2))
    assert first == again != another


def test_every_seed_of_a_face_is_a_seed():
    one, other = features(200), features(200, 1)
    first, last = (kid.kernel_distance(one, other, seed, 10, 50) for seed in (2**32 - 1, 2**63 - 1))
    assert first == last
