import tracemalloc

import numpy as np
import pytest

from facegan_tf.evaluation import swd


def images(count, size=32, seed=0, grain=2):
    """Noise whose grains are `grain` pixels wide, uint8 [count, size, size, 3]."""
    small = np.random.default_rng(seed).integers(
        0, 256, (count, size // grain, size // grain, 3), dtype=np.uint8
    )
    return small.repeat(grain, axis=1).repeat(grain, axis=2)


@pytest.mark.parametrize(
    ("size", "levels"), [(8, [8]), (31, [31]), (32, [32, 16]), (50, [50, 25]), (128, [128, 64, 32, 16])]
)
def test_levels_are_halved_down_to_16_pixels(size, levels):
    assert swd.level_sizes(size) == levels
    assert list(swd.sliced_wasserstein(images(4, size, grain=1), images(4, size, grain=1), 0)) == levels


@pytest.mark.parametrize("size", [32, 50, 128])
def test_the_pyramid_adds_up_to_the_image(size):
    maps = [images(2, size)]
    for _ in swd.level_sizes(size)[1:]:
        maps.append(swd._coarser(maps[-1]))
    assert [each.shape[1] for each in maps] == swd.level_sizes(size)
    rebuilt = maps[-1]
    for finer in maps[-2::-1]:
        blur = swd.filters.mirrored(swd._BINOMIAL, finer.shape[1])
        rebuilt = swd._detail(finer) + swd.filters.apply(2 * blur[:, ::2], rebuilt)
    np.testing.assert_allclose(rebuilt, maps[0], atol=1e-3)


def test_the_patches_are_windows_of_the_images_in_their_order():
    """More images than are worked on at once; each has a colour of its own."""
    reals = np.broadcast_to(np.arange(40, dtype=np.uint8)[:, None, None, None], (40, 16, 16, 3))
    patches = swd._patches(reals, False, np.random.default_rng(0))
    assert patches.shape == (40 * 128, 7, 7, 3)
    np.testing.assert_array_equal(patches, np.repeat(reals[:, :7, :7].astype(np.float32), 128, axis=0))


def test_only_a_few_images_are_unfolded_at_once():
    many = images(160, 128)
    swd._patches(many[:2], True, np.random.default_rng(0))
    tracemalloc.start()
    swd._patches(many, True, np.random.default_rng(0))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    kept = 160 * 128 * (49 * 3 * 4 + 2 * 8)  # patches and their places
    assert peak - kept < 160 * 128 * 128 * 3 * 4, "not even the maps of all images"


def test_it_grows_with_the_difference_at_the_level_that_differs():
    reals, others = images(60, grain=8) // 2 + 64, images(60, seed=1, grain=8) // 2 + 64
    rows, columns = np.indices((32, 32))
    checkered = others + 40 * ((rows + columns) % 2)[..., np.newaxis].astype(np.uint8)
    floor, fine, other = (
        swd.sliced_wasserstein(fakes, reals, seed=0)
        for fakes in (others, checkered, images(60, seed=1, grain=2) // 2 + 64)
    )
    assert fine[32] > 5 * floor[32]
    assert fine[16] < 1.2 * floor[16]  # the coarse level averages a pattern of single pixels away
    assert other[16] > 1.5 * floor[16]


def test_the_seed_decides():
    one, other = images(5), images(5, seed=1)
    first, again, another = (swd.sliced_wasserstein(one, other, seed) for seed in (0, 0, 1))
    assert first == again != another


def test_sets_of_one_colour_are_alike_and_finite():
    black = np.zeros((3, 32, 32, 3), np.uint8)
    assert swd.sliced_wasserstein(black, black, 0) == {32: 0.0, 16: 0.0}
    assert np.isfinite(list(swd.sliced_wasserstein(black, images(3), 0).values())).all()
