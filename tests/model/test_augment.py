"""Augmentation, held against a plain numpy statement of DiffAugment that is given the same draws."""

import functools
import itertools

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from facegan_tf.common.draws import Stream, draw_seed
from facegan_tf.config.augment import AugmentSettings
from facegan_tf.model.augment import augment, kind_draws

KINDS = ("flip", "colour", "translation", "cutout")
few = settings(deadline=None, max_examples=10)
seeds = st.integers(0, 2**31 - 1)


def seed_of(seed, step=0):
    return draw_seed(seed, step, Stream.AUGMENT)


def images_of(seed, count=6, size=16, dtype="float32"):
    """No two pixels are alike, and none is 0."""
    images = np.random.default_rng(seed).uniform(0.1, 1, (count, size, size, 3))
    return (images * np.random.default_rng(seed + 1).choice([-1, 1], images.shape)).astype(dtype)


def augmented(images, kinds, seed, strength=1.0, **place):
    return augment(tf.constant(images), kinds, strength, seed_of(seed), **place).numpy()


def flipped(image, u):
    return image[:, ::-1] if u < 0.5 else image


def recoloured(image, u_brightness, u_saturation, u_contrast):
    image = image + (u_brightness - 0.5)
    grey = image.mean(axis=2, keepdims=True)
    image = (image - grey) * (2 * u_saturation) + grey
    return (image - image.mean()) * (0.5 + u_contrast) + image.mean()


def translated(image, u_down, u_right):
    size = len(image)
    limit = int(size / 8 + 0.5)
    down, right = (int(np.floor(u * (2 * limit + 1))) - limit for u in (u_down, u_right))
    result = np.zeros_like(image)
    for row, column in itertools.product(range(size), repeat=2):
        if 0 <= row - down < size and 0 <= column - right < size:
            result[row, column] = image[row - down, column - right]
    return result


def cut(image, u_row, u_column):
    size = len(image)
    side = int(size / 2 + 0.5)
    centres = size + (1 - side % 2)
    top, left = (int(np.floor(u * centres)) - side // 2 for u in (u_row, u_column))
    result = image.copy()
    result[max(top, 0) : max(top + side, 0), max(left, 0) : max(left + side, 0)] = 0
    return result


CHANGES = {"flip": flipped, "colour": recoloured, "translation": translated, "cutout": cut}


def stated(images, kinds, seed, strength=1.0):
    """What `augment` must return, in float64, image by image; kinds in the order of application."""
    images = list(images.astype("float64"))
    for kind in kinds:
        for i, (chance, *parameters) in enumerate(kind_draws(seed_of(seed), kind, len(images)).numpy()):
            if chance < strength:
                images[i] = CHANGES[kind](images[i], *map(float, parameters))
    return np.stack(images)


@pytest.mark.parametrize("kind", KINDS)
@few
@given(seed=seeds, size=st.integers(4, 33), strength=st.sampled_from([1.0, 0.5]))
def test_each_kind_is_what_numpy_makes_of_the_same_draws(kind, seed, size, strength):
    images = images_of(seed, size=size)
    result, expected = augmented(images, [kind], seed, strength), stated(images, [kind], seed, strength)
    if kind == "colour":
        np.testing.assert_allclose(result, expected, rtol=0, atol=3e-6)
    else:
        np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("chosen", [kinds for n in (2, 3, 4) for kinds in itertools.combinations(KINDS, n)])
def test_kinds_are_applied_one_after_another_in_the_same_order_however_they_are_written(chosen):
    images = images_of(1, count=16)
    expected = stated(images, chosen, 5, 0.7)
    for written in (chosen, chosen[::-1]):
        np.testing.assert_allclose(augmented(images, written, 5, 0.7), expected, rtol=0, atol=3e-6)


@pytest.mark.parametrize(("dtype", "rounding"), [("bfloat16", 2**-8), ("float16", 2**-11)])
@pytest.mark.parametrize("kind", KINDS)
def test_images_of_16_bits_are_rounded_once(kind, dtype, rounding):
    images = tf.cast(images_of(2, count=32), dtype)
    result = augment(images, [kind], 1.0, seed_of(3))
    assert result.dtype == images.dtype
    expected = stated(tf.cast(images, tf.float64).numpy(), [kind], 3)
    error = np.abs(tf.cast(result, tf.float64) - expected)
    assert (error <= 1e-5 + rounding * np.abs(expected) if kind == "colour" else error == 0).all()


@few
@given(seed=seeds, dtype=st.sampled_from(["float32", "bfloat16", "float16", "float64"]))
def test_strength_0_is_the_identity_to_the_bit(seed, dtype):
    images = tf.cast(images_of(seed), dtype) * tf.cast(tf.sign(images_of(seed + 1)), dtype)
    images = tf.where(images > 0.9, tf.constant(-0.0, dtype), images)
    for strength in (0.0, tf.constant(0.0), tf.constant(0.0, tf.float64)):
        result = augment(images, KINDS, strength, seed_of(seed))
        assert result.dtype == images.dtype and result.numpy().tobytes() == images.numpy().tobytes()


def test_no_kinds_are_the_identity():
    images = images_of(0)
    assert augmented(images, (), 1).tobytes() == images.tobytes()


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError):
        augmented(images_of(0), ("mirror",), 1)


@few
@given(seeds, seeds)
def test_the_seed_decides_everything(seed, other):
    images = images_of(0, count=16)
    result = augmented(images, KINDS, seed)
    np.testing.assert_array_equal(result, augmented(images, KINDS, seed))
    if other != seed:
        assert (result != augmented(images, KINDS, other)).any(axis=(1, 2, 3)).all()


@pytest.mark.parametrize("kind", KINDS)
def test_every_image_and_every_kind_has_its_own_draws(kind):
    draws = kind_draws(seed_of(7), kind, 500).numpy()
    assert len(np.unique(draws)) > 0.99 * draws.size
    for other in set(KINDS) - {kind}:
        assert np.isin(draws, kind_draws(seed_of(7), other, 500).numpy()).mean() < 0.01
    for one, two in itertools.combinations(draws.T, 2):
        assert abs(np.corrcoef(one, two)[0, 1]) < 0.2
    assert abs(np.corrcoef(draws[:-1, 0], draws[1:, 0])[0, 1]) < 0.2


@few
@given(seed=seeds, place=st.integers(0, 7), kind=st.sampled_from(KINDS))
def test_an_image_does_not_depend_on_the_others(seed, place, kind):
    images = images_of(0, count=8)
    others = images_of(1, count=8)
    others[place] = images[place]
    results = [augmented(batch, [kind], seed)[place] for batch in (images, others)]
    np.testing.assert_array_equal(*results)


@few
@given(seed=seeds, cuts=st.lists(st.integers(1, 7), unique=True).map(sorted), strength=st.floats(0, 1))
def test_slices_are_augmented_as_the_whole_batch_is(seed, cuts, strength):
    images = images_of(0, count=8)
    whole = augmented(images, KINDS, seed, strength)
    parts = [
        augmented(images[start:end], KINDS, seed, strength, first=first, total=8)
        for start, end in itertools.pairwise([0, *cuts, 8])
        for first in [start if seed % 2 else tf.constant(start)]
    ]
    np.testing.assert_allclose(np.concatenate(parts), whole, rtol=0, atol=3e-6)


@pytest.mark.parametrize("strength", [0.0, 0.2, 0.7, 1.0])
@pytest.mark.parametrize("as_tensor", [False, True])
def test_strength_is_the_share_of_images_that_each_kind_changes(strength, as_tensor):
    images = images_of(0, count=4000, size=8)
    given_strength = tf.constant(strength) if as_tensor else strength
    # A flip is mirrored half of the time; a translation by one pixel at most stays in place 1 time in 9.
    for kind, share in {"flip": 1 / 2, "colour": 1, "translation": 8 / 9, "cutout": 1}.items():
        changed = (augmented(images, [kind], 1, given_strength) != images).any(axis=(1, 2, 3))
        assert changed.mean() == pytest.approx(share * strength, abs=0.03), kind
        if strength * share in (0, 1):
            assert changed.mean() == strength


def test_kinds_are_applied_independently_of_each_other():
    chances = [kind_draws(seed_of(2), kind, 4000).numpy()[:, 0] for kind in KINDS]
    for one, two in itertools.combinations(chances, 2):
        assert ((one < 0.5) & (two < 0.5)).mean() == pytest.approx(0.25, abs=0.03)


def test_flips_mirror_left_and_right():
    images = images_of(0, count=200, size=8)
    result = augmented(images, ["flip"], 1)
    same, mirrored = ((result == each).all(axis=(1, 2, 3)) for each in (images, images[:, :, ::-1]))
    assert (same ^ mirrored).all() and mirrored.mean() == pytest.approx(0.5, abs=0.15)


@pytest.mark.parametrize(("size", "limit"), [(3, 0), (8, 1), (12, 2), (16, 2), (32, 4)])
def test_translations_reach_an_eighth_of_the_side_both_ways_and_no_further(size, limit):
    result = augmented(np.ones((1500, size, size, 1), "float32"), ["translation"], 1)[..., 0]
    seen = set()
    for image in result:
        filled = [np.flatnonzero(image.any(axis=axis)) for axis in (1, 0)]
        shifts = [each[0] if each[0] else each[-1] - (size - 1) for each in filled]
        assert image.sum() == np.prod([size - abs(shift) for shift in shifts])
        seen.add(tuple(map(int, shifts)))
    every = range(-limit, limit + 1)
    assert seen == set(itertools.product(every, every))


@pytest.mark.parametrize("size", [4, 7, 9, 16, 32])
def test_cutouts_are_squares_of_half_the_side_whose_centre_is_anywhere(size):
    side = int(size / 2 + 0.5)
    holes = augmented(np.ones((3000, size, size, 1), "float32"), ["cutout"], 1)[..., 0] == 0
    rows, columns = holes.any(axis=2), holes.any(axis=1)
    np.testing.assert_array_equal(holes, rows[:, :, None] & columns[:, None, :])
    for lines in (rows, columns):
        runs = np.diff(lines.astype(int), prepend=0, append=0)
        assert (np.abs(runs).sum(axis=1) == 2).all()  # one piece
        starts, ends = runs.argmax(axis=1), runs.argmin(axis=1)
        lengths = ends - starts
        assert set(lengths) == set(range((side + 1) // 2, side + 1))
        assert ((lengths == side) | (starts == 0) | (ends == size)).all()
        assert lines.any(axis=0).all()


def test_colours_are_changed_by_as_much_as_the_paper_says():
    grey = augmented(np.zeros((3000, 4, 4, 3), "float32"), ["colour"], 1)
    assert np.ptp(grey.reshape(3000, -1), axis=1).max() < 1e-6  # neither saturation nor contrast changes grey
    brightness = grey[:, 0, 0, 0]
    assert (brightness.min(), brightness.max()) == pytest.approx((-0.5, 0.5), abs=0.01)
    half = np.zeros((3000, 4, 4, 3), "float32")
    half[:, :2] = 1.0  # no colours: saturation does not matter
    contrast = np.ptp(augmented(half, ["colour"], 1).reshape(3000, -1), axis=1)
    assert (contrast.min(), contrast.max()) == pytest.approx((0.5, 1.5), abs=0.01)
    red = np.zeros((3000, 4, 4, 3), "float32")
    red[..., 0] = 1.0
    result = augmented(red, ["colour"], 1)
    saturation = (result[..., 0] - result[..., 1])[:, 0, 0] / contrast
    assert (saturation.min(), saturation.max()) == pytest.approx((0, 2), abs=0.01)


@functools.cache
def affine_map(seed, count, size):
    """Matrices A [N, P, P] and vectors b [N, P] of the numpy statement on images of P values."""
    shape, values = (count, size, size, 3), size * size * 3
    b = stated(np.zeros(shape), KINDS, seed, 0.7).reshape(count, values)
    a = np.empty((count, values, values))
    for i in range(values):
        basis = np.zeros((count, values))
        basis[:, i] = 1
        a[:, :, i] = stated(basis.reshape(shape), KINDS, seed, 0.7).reshape(count, values) - b
    return a, b


@pytest.mark.parametrize("compiled", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_gradient_penalty_and_its_gradients_go_through(compiled):
    """R1 of a discriminator w * sum(y^2) of augmented images y = A x + b, against its closed form."""
    count, size, w = 4, 6, 3.0
    a, b = affine_map(11, count, size)
    images = images_of(4, count, size, "float64")
    x = images.reshape(count, -1)
    norms = np.einsum("nij,ni->nj", a, np.einsum("nij,nj->ni", a, x) + b)  # A^T (A x + b)

    @tf.function(jit_compile=compiled)
    def penalty_of(images, w):
        with tf.GradientTape() as outer:
            outer.watch([images, w])
            with tf.GradientTape() as inner:
                inner.watch(images)
                logits = w * tf.reduce_sum(augment(images, KINDS, 0.7, seed_of(11)) ** 2)
            penalty = tf.reduce_sum(inner.gradient(logits, images) ** 2)
        return penalty, *outer.gradient(penalty, [w, images])

    penalty, by_w, by_images = penalty_of(tf.constant(images), tf.constant(w, tf.float64))
    expected = (norms**2).sum()
    assert float(penalty) == pytest.approx(4 * w**2 * expected, rel=1e-9)
    assert float(by_w) == pytest.approx(8 * w * expected, rel=1e-9)
    slopes = np.einsum("nij,ni->nj", a, np.einsum("nij,nj->ni", a, norms))
    np.testing.assert_allclose(by_images, 8 * w**2 * slopes.reshape(images.shape), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("dtype", ["float32", pytest.param("bfloat16", marks=pytest.mark.slow)])
def test_a_compiled_step_gives_the_same_images(dtype):
    images = tf.cast(images_of(0, count=8), dtype)
    for jit, kind in itertools.product((False, True), KINDS):

        def changed(images, strength, seed, first, kind=kind):
            return augment(images, [kind], strength, seed, first=first, total=20)

        arguments = (images, tf.constant(0.6), seed_of(1), tf.constant(12))
        expected, result = changed(*arguments), tf.function(changed, jit_compile=jit)(*arguments)
        tolerance = (1e-2 if dtype == "bfloat16" else 3e-6) if kind == "colour" else 0
        np.testing.assert_allclose(
            tf.cast(result, tf.float32), tf.cast(expected, tf.float32), rtol=0, atol=tolerance
        )


def test_the_number_of_images_may_be_unknown():
    signature = [tf.TensorSpec([None, 16, 16, 3])]
    images = images_of(0)
    result = tf.function(lambda each: augment(each, KINDS, 0.6, seed_of(1)), input_signature=signature)(
        images
    )
    np.testing.assert_allclose(result, augmented(images, KINDS, 1, 0.6), rtol=0, atol=3e-6)


def test_by_default_nothing_is_augmented():
    assert AugmentSettings() == AugmentSettings(kinds=[], strength=1.0)
    assert AugmentSettings(kinds=["cutout", "flip"]).kinds == ("cutout", "flip")


@pytest.mark.parametrize(
    "wrong",
    [
        {"kinds": ["mirror"]},
        {"kinds": "flip"},
        {"kinds": ["flip", "flip"]},
        {"strength": -0.1},
        {"strength": 1.1},
        {"strength": "1"},
        {"flip": True},
    ],
)
def test_wrong_settings_are_refused(wrong):
    with pytest.raises(ValidationError) as caught:
        AugmentSettings(**wrong)
    assert caught.value.errors()[0]["loc"][0] in wrong
