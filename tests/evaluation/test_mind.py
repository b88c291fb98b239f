"""MIND by its definition, by closed forms and by its properties.

test_references.py compares it with another implementation.
"""

import itertools
import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facegan_tf.data.store import FaceStore
from facegan_tf.evaluation import fid, mind
from facegan_tf.evaluation.mind import MIND, monge_distance
from facegan_tf.evaluation.sides import Sides

DIRECTION_ERROR = math.sqrt(2 / 1000)
"""Relative standard deviation, over seeds, of the score of a shift: 1,000 directions are not all of them."""


def normal(count, dimensions, seed=0, shift=0.0):
    return (np.random.default_rng(seed).normal(size=(count, dimensions)) + shift).astype(np.float32)


def by_definition(one, other, seed=0):
    """3 D times the mean of the squared differences, each point repeated until both sets have as many."""
    dimensions = one.shape[1]
    directions = np.random.RandomState(seed).normal(size=(1000, dimensions))
    total = 0.0
    for direction in directions:
        unit = direction / math.sqrt(sum(direction**2))
        ours = sorted(np.repeat(one.astype(float) @ unit, len(other)))
        theirs = sorted(np.repeat(other.astype(float) @ unit, len(one)))
        total += np.mean(np.subtract(ours, theirs) ** 2)
    return 3 * dimensions * total / 1000


def by_trying_everything(one, other):
    """The squared Wasserstein-2 distance of numbers: the cheapest of all ways to pair repeated points."""
    ours, theirs = list(one) * len(other), list(other) * len(one)
    return min(
        sum((mine - yours) ** 2 for mine, yours in zip(order, theirs, strict=True)) / len(theirs)
        for order in itertools.permutations(ours)
    )


@st.composite
def feature_sets(draw, most=12):
    """Two sets of features, [N, D] and [M, D], often with repeated features."""
    dimensions = draw(st.integers(1, 4))
    scale = draw(st.sampled_from([0.01, 1.0, 1000.0]))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    sets = [random.normal(size=(draw(st.integers(1, most)), dimensions)) * scale for _ in range(2)]
    if draw(st.booleans()):
        sets = [each.round() for each in sets]
    return tuple(each.astype(np.float32) for each in sets)


@given(feature_sets(), st.integers(0, 5))
@settings(max_examples=25, deadline=None)
def test_it_is_its_definition_for_any_two_counts(both, seed):
    expected = by_definition(*both, seed)
    assert monge_distance(*both, seed) == pytest.approx(expected, rel=1e-9, abs=1e-20)


@given(
    st.lists(st.integers(-9, 9), min_size=1, max_size=4), st.lists(st.integers(-9, 9), min_size=1, max_size=2)
)
@settings(max_examples=50, deadline=None)
def test_no_other_transport_is_cheaper(one, other):
    """In one dimension every direction is 1 or -1, so MIND is 3 times the squared distance itself."""
    sides = (np.array(each, np.float32)[:, None] for each in (one, other))
    assert monge_distance(*sides) == pytest.approx(3 * by_trying_everything(one, other), rel=1e-12, abs=1e-12)


@given(feature_sets())
@settings(max_examples=25, deadline=None)
def test_it_is_0_for_equal_sets_symmetric_and_blind_to_order_and_repetition(both):
    one, other = both
    score = monge_distance(one, other)
    assert monge_distance(one, one) == 0
    assert monge_distance(other, one) == pytest.approx(score, rel=1e-12, abs=1e-20)
    near = pytest.approx(score, rel=1e-9, abs=1e-20)
    assert monge_distance(one[::-1], np.roll(other, 1, axis=0)) == near
    assert monge_distance(np.repeat(one, 3, axis=0), np.repeat(other, 2, axis=0)) == near


@given(feature_sets(), st.sampled_from([0.25, 2.0, 8.0]))
@settings(max_examples=25, deadline=None)
def test_it_scales_with_the_square_of_the_features(both, factor):
    one, other = both
    expected = factor**2 * monge_distance(one, other)
    assert monge_distance(factor * one, factor * other) == pytest.approx(expected, rel=1e-9)


def test_features_far_from_0_lose_no_digits():
    """All values are whole eighths, which float32 holds exactly up to 100,000."""
    one, other = (np.round(8 * normal(200, 6, seed)) / 8 for seed in (0, 1))
    moved = monge_distance(one + np.float32(100_000), other + np.float32(100_000))
    assert moved == pytest.approx(monge_distance(one, other), rel=1e-6)


def test_a_rotation_changes_it_by_no_more_than_other_directions_do():
    one, other = normal(300, 12), normal(400, 12, 1, shift=0.5)
    rotation = np.linalg.qr(np.random.default_rng(2).normal(size=(12, 12)))[0].astype(np.float32)
    score, rotated = monge_distance(one, other), monge_distance(one @ rotation, other @ rotation)
    assert rotated != score
    assert rotated == pytest.approx(score, rel=4 * math.sqrt(2) * DIRECTION_ERROR)


def test_a_shifted_set_scores_3_times_the_squared_shift_whatever_the_set():
    """Along a direction u the distance is (u . m)^2, whose mean over all directions is |m|^2 / D."""
    features, shift = normal(50, 64), np.linspace(-1, 1, 64, dtype=np.float32)
    scores = [monge_distance(features, features + shift, seed) for seed in range(30)]
    expected = 3 * float((shift**2).sum())
    assert np.mean(scores) == pytest.approx(expected, rel=4 * DIRECTION_ERROR / math.sqrt(30))
    assert np.std(scores) / expected == pytest.approx(DIRECTION_ERROR, rel=0.4)


def test_samples_of_two_gaussians_come_near_3_times_the_squared_shift_as_they_grow():
    expected = 3 * 16 * 0.5**2
    excess = [
        monge_distance(normal(count, 16), normal(count, 16, 1, shift=0.5)) / expected - 1
        for count in (100, 3000)
    ]
    assert excess[0] > 2 * abs(excess[1])
    assert abs(excess[1]) < 3 * DIRECTION_ERROR


def test_a_set_and_its_double_score_their_spread():
    """Along a direction u the distance between u . x and 2 u . x is (u . x)^2: the sum of squares is left."""
    features = normal(1000, 16)
    expected = 3 * float((features**2).sum(axis=1).mean())
    assert monge_distance(features, 2 * features) == pytest.approx(expected, rel=4 * DIRECTION_ERROR)


def test_a_difference_that_moments_do_not_show_is_seen():
    """Both have mean 0 and variance 1. Each z moves to the nearer of -1 and 1: the cost is (|z| - 1)^2."""
    coin, bell = np.sign(normal(5000, 1)), normal(5000, 1, 1)
    assert fid.frechet_distance(fid.moments(coin), fid.moments(bell)) < 0.002
    expected = 3 * (2 - 2 * math.sqrt(2 / math.pi))
    assert monge_distance(coin, bell) == pytest.approx(expected, rel=0.03)


def test_the_bias_falls_with_the_number_of_images():
    floors = [monge_distance(normal(count, 8), normal(count, 8, 1)) for count in (100, 400, 1600)]
    assert floors[0] > 2 * floors[1] > 4 * floors[2] > 0


def test_blocks_change_nothing(monkeypatch):
    both = normal(90, 5), normal(70, 5, 1)
    whole = monge_distance(*both)
    monkeypatch.setattr(mind, "ROWS_AT_ONCE", 7)
    monkeypatch.setattr(mind, "DIRECTIONS_AT_ONCE", 33)
    assert monge_distance(*both) == pytest.approx(whole, rel=1e-12)


def test_memory_stays_far_below_that_of_all_projections():
    both = normal(3000, 32), normal(3000, 32, 1)
    tracemalloc.start()
    monge_distance(*both)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.6 * 3000 * 1000 * 8


def test_the_seed_decides_the_directions_and_that_of_an_evaluation_does_not(store_folder):
    both = normal(20, 5), normal(20, 5, 1)
    assert monge_distance(*both) == monge_distance(*both, seed=0) != monge_distance(*both, seed=1)
    store = FaceStore.open(store_folder)
    generated = store.gather(np.arange(20))
    scores = [MIND.compute(Sides(generated, store, store, seed, *both)) for seed in (0, 7)]
    assert scores[0] == scores[1]
    assert scores[0].value == monge_distance(*both)
    assert scores[0].settings == {"directions": 1000, "seed": 0}
