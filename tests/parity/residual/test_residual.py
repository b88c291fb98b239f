"""The residual nets and R3GAN's steps against PyTorch, which computed the fixture (make_fixtures.py)."""

import itertools
from pathlib import Path

import numpy as np
import pytest

from facegan_tf.config.load import load_config
from facegan_tf.model.costs import trainable_parameters
from facegan_tf.model.networks import residual
from tests.helpers.paths import CONFIGS
from tests.parity import results
from tests.parity.residual import inputs, package_side

pytestmark = pytest.mark.slow

REFERENCE, FACTS = results.load(Path(__file__).parent / "fixtures" / "residual.npz")


@pytest.fixture(scope="module")
def ours():
    return package_side.results()


def test_the_fixture_was_made_from_these_inputs():
    assert pytest.approx(inputs.fingerprint(), rel=1e-12) == FACTS["inputs_sum"]


@pytest.mark.parametrize("name", ["images", "logits"])
def test_the_nets_compute_the_same(ours, name):
    np.testing.assert_allclose(ours[name], REFERENCE[name], rtol=1e-12, atol=1e-13)


def test_three_steps_give_the_same_losses_and_penalties(ours):
    names = [name for name in REFERENCE if name.startswith("losses")]
    assert names == [f"losses/{term}" for term in ("d_loss", "r1", "r2", "g_loss")]
    for name in names:
        # Schedules are float32 in the package.
        np.testing.assert_allclose(ours[name], REFERENCE[name], rtol=1e-7, err_msg=name)


def test_three_steps_move_the_weights_alike(ours):
    names = [name for name in REFERENCE if name.startswith("changes")]
    assert names == [name for name in ours if name.startswith("changes")]
    for name in names:
        size = np.linalg.norm(REFERENCE[name])
        assert size > 0
        assert np.linalg.norm(ours[name] - REFERENCE[name]) < 1e-6 * size, name


@pytest.mark.parametrize("name", inputs.PUBLISHED)
def test_the_configs_nets_have_as_many_parameters(name):
    config = load_config(CONFIGS / f"{name}.yaml")
    assert config.networks.channels == inputs.PUBLISHED[name]
    nets = [
        build(config.data.size, config.networks, itertools.count())
        for build in (residual.build_generator, residual.build_discriminator)
    ]
    assert [trainable_parameters(net) for net in nets] == REFERENCE[f"parameters/{name}"].tolist()
