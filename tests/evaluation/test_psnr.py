import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from facegan_tf.data.store import FaceStore
from facegan_tf.evaluation import psnr
from facegan_tf.evaluation.psnr import nearest_psnr, psnr_among
from facegan_tf.evaluation.sides import Sides
from tests.helpers.configs import make_store


def images(count, seed=0, size=8):
    return np.random.default_rng(seed).integers(0, 256, (count, size, size, 3), dtype=np.uint8)


def psnr_by_its_formula(one, other):
    """10 log10(peak^2 / mean squared error), for two images that differ."""
    error = np.mean((one.astype(float) - other.astype(float)) ** 2)
    return 10 * np.log10(255**2 / error)


@pytest.mark.parametrize("pool_size", [1, 63, 64, 130])
def test_a_faces_psnr_is_the_highest_against_any_image_of_the_pool(pool_size):
    faces, pool = images(5, seed=1), images(pool_size, seed=2)
    expected = [max(psnr_by_its_formula(face, real) for real in pool) for face in faces]
    np.testing.assert_allclose(nearest_psnr(faces, pool), expected, rtol=1e-12)


@given(
    arrays(np.uint8, (3, 2, 2, 3)), arrays(np.uint8, st.tuples(st.integers(1, 5), *map(st.just, (2, 2, 3))))
)
def test_every_score_is_finite_and_highest_for_a_copy(faces, pool):
    scores = nearest_psnr(faces, pool)
    assert np.isfinite(scores).all()
    assert (nearest_psnr(pool[:1], pool) >= scores).all()


def test_a_copy_of_any_real_of_the_pool_is_found():
    pool = images(200)
    scores = nearest_psnr(np.stack([pool[0], pool[77], pool[199], images(1, seed=5)[0]]), pool)
    # As if one of the 192 values were off by 1.
    np.testing.assert_allclose(scores[:3], 10 * np.log10(255**2 * 192))
    assert scores[3] < 10


def test_reals_are_compared_with_the_others_and_not_with_themselves():
    pool = images(10)
    expected = [
        max(psnr_by_its_formula(real, other) for j, other in enumerate(pool) if j != i)
        for i, real in enumerate(pool)
    ]
    np.testing.assert_allclose(psnr_among(pool, 4), expected[:4])
    np.testing.assert_allclose(psnr_among(pool, 99), expected)


def test_the_nearest_reals_are_searched_for_in_the_whole_store(store_folder, monkeypatch):
    monkeypatch.setattr(psnr, "READ_AT_ONCE", 7)
    store = FaceStore.open(store_folder)
    faces = store.gather(np.array([23, 0, 12]))
    found = psnr.nearest_reals(faces, store)
    assert found.indices[:, 0].tolist() == [23, 0, 12]
    everything = store.gather(np.arange(24)).astype(float)
    errors = ((everything - faces[0]) ** 2).sum(axis=(1, 2, 3))
    assert found.indices[0].tolist() == np.argsort(errors)[:3].tolist()
    np.testing.assert_allclose(
        found.psnr[0, 1:], 10 * np.log10(255**2 * faces[0].size / np.sort(errors)[1:3])
    )


def test_all_reals_are_nearest_if_there_are_only_two(tmp_path):
    store = FaceStore.open(make_store(tmp_path / "store", 2))
    found = psnr.nearest_reals(store.gather(np.array([1])), store)
    assert found.indices.tolist() == [[1, 0]] and np.isfinite(found.psnr).all()


def test_copies_are_looked_for_among_the_images_learned_from(store_folder):
    store = FaceStore.open(store_folder)
    training, held_out = store.first(16), store.last(8)
    scores = {}
    for name, faces in (("copies", training), ("held out", held_out)):
        sides = Sides(faces.gather(np.arange(8)), held_out, training, seed=0)
        scores[name] = psnr.PSNR.compute(sides)
    assert scores["copies"].value == pytest.approx(psnr.psnr_of(np.zeros(1), 32 * 32 * 3)[0])
    # For an image held out, the nearest image of the training is another image.
    assert scores["held out"].value == pytest.approx(scores["held out"].of_reference)
    assert scores["held out"].value < 15
    assert scores["copies"].of_reference == scores["held out"].of_reference
