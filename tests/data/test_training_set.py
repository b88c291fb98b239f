import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facegan_tf.data.store import FaceStore
from facegan_tf.data.training_set import TrainingSet, shuffled_indices
from tests.helpers.configs import make_store


def first(dataset, count):
    return [batch.numpy() for batch in itertools.islice(dataset, count)]


def numbers(batch):
    """The number in `make_store` of each image of a batch."""
    return np.rint((batch[:, 0, 0, 0] + 1) * 127.5).astype(int)


def order(count, seed, epochs):
    return shuffled_indices(np.arange(count * epochs), count, seed).numpy().reshape(epochs, count)


@given(st.integers(1, 300), st.integers(0, 2**31 - 1), st.integers(0, 3))
@settings(deadline=None, max_examples=50)
def test_every_epoch_is_a_permutation(count, seed, epoch):
    assert sorted(order(count, seed, epoch + 1)[epoch]) == list(range(count))


def test_epochs_and_seeds_give_orders_that_differ_everywhere():
    shuffled = np.concatenate([order(500, seed=1, epochs=2), order(500, seed=2, epochs=1)])
    for one, other in itertools.combinations([np.arange(500), *shuffled], 2):
        assert (one == other).mean() < 0.02  # two random orders agree in one place, on average
    # The shuffle is of the whole store, not of a buffer: the first tenth comes from everywhere.
    assert np.ptp(shuffled[0][:50]) > 400


def test_every_image_comes_once_per_epoch_even_if_batches_do_not_divide_it(tmp_path):
    store = FaceStore.open(make_store(tmp_path / "store", 10))
    seen = np.concatenate([numbers(batch) for batch in first(TrainingSet(store, 4, seed=0).batches(), 5)])
    assert sorted(seen[:10]) == sorted(seen[10:]) == list(range(10))


def test_images_of_the_store_are_scaled_to_minus_one_to_one(tmp_path):
    store = FaceStore.open(make_store(tmp_path / "store", 6))
    [batch] = first(TrainingSet(store, 6, seed=0).batches(), 1)
    assert batch.dtype == np.float32
    expected = store.gather(numbers(batch)).astype(np.float64) / 127.5 - 1
    np.testing.assert_allclose(batch, expected, atol=1e-6)
    assert (batch.min(), batch.max()) == (-1, 1)


@pytest.mark.parametrize("flip", [False, True])
def test_batches_from_a_step_on_equal_those_of_a_run_from_the_start(tmp_path, flip):
    # Two shards, and batches that span epochs.
    store = FaceStore.open(make_store(tmp_path / "store", 11, shard_bytes=7 * 32 * 32 * 3))
    whole = first(TrainingSet(store, 4, seed=5, flip=flip).batches(), 9)
    for start in (1, 2, 5, 8):
        late = first(TrainingSet(store, 4, seed=5, flip=flip).batches(start), 9 - start)
        np.testing.assert_array_equal(np.stack(late), np.stack(whole[start:]))


def test_a_limit_uses_only_the_first_images(tmp_path):
    store = FaceStore.open(make_store(tmp_path / "store", 20))
    seen = np.concatenate(
        [numbers(batch) for batch in first(TrainingSet(store, 7, seed=0, limit=7).batches(), 3)]
    )
    assert sorted(seen) == sorted(list(range(7)) * 3)


def test_flips_mirror_about_half_of_the_images_and_change_nothing_else(tmp_path):
    store = FaceStore.open(make_store(tmp_path / "store", 40))
    plain = np.concatenate(first(TrainingSet(store, 40, seed=0).batches(), 5))
    flipped = np.concatenate(first(TrainingSet(store, 40, seed=0, flip=True).batches(), 5))
    mirrored = (flipped == plain[:, :, ::-1]).all(axis=(1, 2, 3))
    same = (flipped == plain).all(axis=(1, 2, 3))
    assert (mirrored ^ same).all()
    assert 70 < mirrored.sum() < 130


def test_another_order_has_the_same_images_in_other_places(tmp_path):
    store = FaceStore.open(make_store(tmp_path / "store", 60))
    images = TrainingSet(store, 4, seed=5, limit=50, flip=True)
    other = images.in_other_order(5)
    ours = np.concatenate([images.indices(step) for step in range(25)])
    theirs = np.concatenate([other.indices(step) for step in range(20)])
    assert sorted(theirs[:50]) == sorted(ours[:50]) == list(range(50))
    assert (ours == theirs).mean() < 0.1
    [batch] = first(other.batches(), 1)
    assert batch.shape == (5, 32, 32, 3)
