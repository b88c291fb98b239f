import numpy as np
import pytest

from facegan_tf.evaluation import ms_ssim


def images(count, size=32, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, size, size, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("size", "scales"), [(8, 1), (16, 1), (21, 1), (22, 2), (32, 2), (64, 3), (128, 4), (175, 4), (176, 5)]
)
def test_the_coarsest_scale_is_no_smaller_than_the_window(size, scales):
    assert ms_ssim.scales(size) == scales
    alike = ms_ssim.ms_ssim(images(2, size), images(2, size))
    np.testing.assert_allclose(alike, 1.0)


def test_more_noise_lowers_the_score():
    clean = np.repeat(images(1, 8), 8, axis=1).repeat(8, axis=2)
    noise = np.random.default_rng(1).normal(size=clean.shape)
    scores = [
        ms_ssim.ms_ssim(clean, np.clip(clean + level * noise, 0, 255).astype(np.uint8))[0]
        for level in (0, 5, 30, 100)
    ]
    assert scores[0] == 1 and sorted(scores, reverse=True) == scores and scores[-1] < 0.9


def test_contradicting_structures_score_0():
    one = images(1)
    assert ms_ssim.ms_ssim(one, 255 - one) == [0]


def test_diversity_compares_disjoint_pairs():
    same, different = np.repeat(images(1), 10, axis=0), images(10)
    assert ms_ssim.diversity(same, seed=0) == pytest.approx(1)
    assert ms_ssim.diversity(different, seed=0) < 0.2
    # Two images make one pair.
    pair = ms_ssim.ms_ssim(different[:1], different[1:2])[0]
    assert ms_ssim.diversity(different[:2], seed=5) == pytest.approx(pair)


def test_the_seed_decides_the_pairs():
    drawn = {ms_ssim.diversity(images(9), seed) for seed in range(5)}
    assert len(drawn) == 5


def test_blocks_of_pairs_change_nothing(monkeypatch):
    whole = ms_ssim.diversity(images(20), seed=0)
    monkeypatch.setattr(ms_ssim, "PAIRS_AT_ONCE", 3)
    assert ms_ssim.diversity(images(20), seed=0) == pytest.approx(whole, rel=1e-12)
