"""The recipes against their sources, which were run in PyTorch and Keras 2 (make_fixtures.py)."""

import pytest

from tests.parity.compare import FIXTURES, compare, read_fixture
from tests.parity.inputs import COMMITTED, fingerprint
from tests.parity.results import outputs

RECIPES = list(COMMITTED)


@pytest.fixture(scope="module", params=RECIPES)
def fixture(request):
    return read_fixture(FIXTURES / f"{request.param}.npz")


@pytest.fixture(scope="module")
def errors(fixture):
    return compare(fixture, "float64")


def test_the_fixture_is_of_these_inputs(fixture):
    assert fixture.scale == COMMITTED[fixture.recipe]
    assert fixture.facts["inputs_sum"] == pytest.approx(fingerprint(fixture.recipe, fixture.scale), rel=1e-12)


def test_each_net_gives_what_the_sources_gives(errors):
    assert errors["images"].size < 1e-6, errors
    assert errors["logits"].size < 1e-6, errors


def test_each_net_gives_what_the_sources_gives_in_float32(fixture):
    for error in compare(fixture, "float32", outputs).values():
        assert error.size < 1e-5, error


def test_the_first_steps_gradients_are_the_sources(errors):
    assert errors["gradients"].size < 1e-6, errors


def test_the_losses_are_the_sources(errors):
    assert errors["losses"].size < 1e-6, errors


def test_the_weights_change_as_the_sources(errors):
    # Float32 weights can't come nearer, and those of celeba128's last layer are float32 in float64 too.
    assert errors["changes"].size < 1e-4, errors


def test_the_running_averages_move_as_the_sources(errors, fixture):
    normalises = fixture.recipe != "celeba128"
    assert ("averages" in errors) == normalises
    if normalises:
        assert errors["averages"].size < 1e-6, errors
