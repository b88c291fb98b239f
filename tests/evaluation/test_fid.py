import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facegan_tf.evaluation import fid


def features(count, dimensions=5, seed=0, shift=0.0, scale=1.0):
    return (np.random.default_rng(seed).normal(size=(count, dimensions)) * scale + shift).astype(np.float32)


@pytest.mark.parametrize("count", [2, 1023, 1024, 1025, 3000])
def test_moments_by_blocks_equal_those_of_all_features_at_once(count):
    # Far from zero, where sums of squares would lose their digits.
    drawn = features(count, shift=1000.0, scale=0.01)
    moments = fid.moments(drawn)
    np.testing.assert_allclose(moments.mean, drawn.astype(np.float64).mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(moments.covariance, np.cov(drawn.astype(np.float64).T), rtol=1e-8, atol=1e-16)


@given(st.integers(2, 40), st.integers(1, 12), st.integers(0, 1000))
def test_a_set_against_itself_scores_0_even_if_rank_deficient(count, dimensions, seed):
    moments = fid.moments(features(count, dimensions, seed, scale=100.0))
    assert fid.frechet_distance(moments, moments) < 1e-6


def test_the_distance_of_gaussians_in_one_dimension_is_known():
    one, other = features(500, 1, seed=1, shift=3, scale=2), features(400, 1, seed=2)
    expected = (one.mean(dtype=float) - other.mean(dtype=float)) ** 2 + (
        one.std(ddof=1, dtype=float) - other.std(ddof=1, dtype=float)
    ) ** 2
    assert fid.frechet_distance(fid.moments(one), fid.moments(other)) == pytest.approx(expected, rel=1e-6)


def test_full_rank_takes_one_feature_more_than_dimensions():
    for count in (5, 6):
        moments = fid.moments(features(count))
        full = np.linalg.matrix_rank(moments.covariance) == 5
        assert full == (count >= moments.full_rank_count)
