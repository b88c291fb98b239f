"""The metrics against implementations that no one here wrote: scipy, torch-fidelity and others.

make_fixtures.py ran them.
"""

import json
from pathlib import Path

import numpy as np
import pytest

from facegan_tf.evaluation import density_coverage, fid, kid, mind, ms_ssim, precision_recall, swd
from tests.helpers import metric_inputs

FIXTURE = json.loads((Path(__file__).parent / "fixtures" / "scores.json").read_text())
FEATURES = metric_inputs.features()


def test_the_fixture_is_of_these_inputs():
    assert FIXTURE["fingerprint"] == pytest.approx(metric_inputs.fingerprint(), rel=1e-12)
    assert set(FIXTURE["features"]) == set(FEATURES)


@pytest.fixture(params=FEATURES)
def name(request):
    return request.param


def test_fid_is_scipys_and_torch_fidelitys(name):
    ours, theirs = (fid.moments(side) for side in FEATURES[name])
    distance = fid.frechet_distance(ours, theirs)
    assert distance == pytest.approx(FIXTURE["features"][name]["fid"], rel=1e-5)
    assert distance == pytest.approx(FIXTURE["features"][name]["fid by torch-fidelity"], rel=1e-5)


def test_kid_is_torch_fidelitys(name):
    expected = FIXTURE["features"][name]
    sizes = [int(key.removeprefix("kid of ")) for key in expected if key.startswith("kid of ")]
    assert sizes
    for size in sizes:
        found = kid.kernel_distance(*FEATURES[name], seed=2020, subsets=100, subset_size=size)
        assert found.mean == pytest.approx(expected[f"kid of {size}"], rel=1e-5)
        # Where subsets are all the same, their deviation is rounding.
        assert found.std == pytest.approx(expected[f"kid_std of {size}"], rel=1e-5, abs=1e-12)


def test_mind_is_three_times_the_features_times_pots_squared_distance(name):
    expected = FIXTURE["features"][name]["mind"]
    assert mind.monge_distance(*FEATURES[name]) == pytest.approx(expected, rel=1e-5)


def test_precision_recall_density_and_coverage_are_prdcs(name):
    expected = FIXTURE["features"][name]
    found = (
        *precision_recall.precision_recall(*FEATURES[name]),
        *density_coverage.density_coverage(*FEATURES[name]),
    )
    names = ("precision", "recall", "density", "coverage")
    assert found == pytest.approx([expected[name] for name in names], rel=1e-5)


@pytest.mark.parametrize("size", metric_inputs.SIZES)
def test_ms_ssim_is_torchmetrics(size):
    np.testing.assert_allclose(
        ms_ssim.ms_ssim(*metric_inputs.pairs(size)), FIXTURE["ms_ssim"][str(size)], atol=1e-4
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", metric_inputs.image_sets())
def test_swd_is_its_definition_but_for_the_random_patches_and_directions(name):
    """The reference's seeds scatter by 1 to 5 %: our mean of 6 must lie within its Monte Carlo error."""
    expected = FIXTURE["swd"][name]
    found = np.array(
        [list(swd.sliced_wasserstein(*metric_inputs.image_sets()[name], seed).values()) for seed in range(6)]
    )
    error = np.array(expected["std"]) * (1 / 12 + 1 / 6) ** 0.5
    assert (np.abs(found.mean(axis=0) - expected["mean"]) < 4 * error).all()
