"""The recipes give the results of their sources, which ran in PyTorch and Keras 2 (make_fixtures.py)."""

import pytest

from tests.parity.compare import FIXTURES, compare, read_fixture
from tests.parity.inputs import COMMITTED, fingerprint
from tests.parity.results import outputs

LARGE = ("celeba128", "dcgan64_sgd", "dcgan128")
RECIPES = [pytest.param(name, marks=pytest.mark.slow if name in LARGE else ()) for name in COMMITTED]


@pytest.fixture(scope="module", params=RECIPES)
def fixture(request):
    return read_fixture(FIXTURES / f"{request.param}.npz")


@pytest.fixture(scope="module")
def errors(fixture):
    return compare(fixture, "float64")


def test_the_fixture_was_made_from_these_inputs(fixture):
    assert fixture.scale == COMMITTED[fixture.recipe]
    assert fixture.facts["inputs_sum"] == pytest.approx(fingerprint(fixture.recipe, fixture.scale), rel=1e-12)


def test_images_and_logits_match_the_source(errors):
    assert errors["images"].size < 1e-6, errors
    assert errors["logits"].size < 1e-6, errors


def test_images_and_logits_match_the_source_in_float32_too(fixture):
    for error in compare(fixture, "float32", outputs).values():
        assert error.size < 1e-5, error


def test_the_gradients_of_the_first_step_match_the_source(errors):
    assert errors["gradients"].size < 1e-6, errors


def test_losses_match_the_source(errors):
    assert errors["losses"].size < 1e-6, errors


def test_weights_change_as_in_the_source(errors):
    assert errors["changes"].size < 1e-6, errors


def test_running_averages_move_as_in_the_source(errors, fixture):
    normalises = fixture.recipe != "celeba128"
    assert ("averages" in errors) == normalises
    if normalises:
        assert errors["averages"].size < 1e-6, errors
