"""The modern objective against PyTorch, which computed the fixtures (make_fixtures.py)."""

from pathlib import Path

import numpy as np
import pytest

from tests.parity import results
from tests.parity.drawing import Arrays
from tests.parity.modern import inputs, package_side

FIXTURES = Path(__file__).parent / "fixtures"


def read(name: str) -> Arrays:
    return results.load(FIXTURES / f"{name}.npz")[0]


def error(ours: np.ndarray, reference: np.ndarray) -> float:
    """The norm of the difference, relative to the reference's; absolute if that is all but zero."""
    assert ours.shape == reference.shape
    size = np.linalg.norm(reference)
    return float(np.linalg.norm(ours - reference) / (size if size > 1e-9 else 1.0))


def errors(ours: Arrays, reference: Arrays, prefix: str = "") -> dict[str, float]:
    """The error of every array whose name starts with the prefix; both must have the same arrays."""
    assert set(ours) == set(reference)
    return {name: error(ours[name], reference[name]) for name in reference if name.startswith(prefix)}


def assert_below(limit: float, found: dict[str, float]) -> None:
    assert found
    too_large = {name: size for name, size in found.items() if not size < limit}  # "not": NaN fails too
    assert not too_large, too_large


@pytest.mark.parametrize("name", sorted(path.stem for path in FIXTURES.glob("*.npz")))
def test_the_fixture_was_made_from_these_inputs(name):
    _, facts = results.load(FIXTURES / f"{name}.npz")
    assert facts["inputs_sum"] == pytest.approx(inputs.fingerprint(), rel=1e-12)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("size", ["moderate", "large"])
@pytest.mark.parametrize("name", inputs.LOSSES)
def test_losses_and_their_gradients_with_respect_to_logits(name, size, dtype):
    prefix = f"{name}/{size}/"
    reference = {
        key.removeprefix(prefix): array for key, array in read("losses").items() if key.startswith(prefix)
    }
    ours = package_side.loss_results(inputs.LOSSES[name], size, dtype)
    assert_below(1e-6, errors(ours, reference))


def test_penalties_and_their_gradients_with_respect_to_weights():
    assert_below(1e-6, errors(package_side.penalty_results(), read("penalties")))


@pytest.mark.parametrize("name", inputs.GANS)
def test_five_steps_give_the_same_losses_and_move_the_weights_alike(name):
    ours, reference = package_side.step_results(inputs.GANS[name]), read(f"steps_{name}")
    assert_below(1e-6, errors(ours, reference, "losses"))
    for key in (key for key in reference if key.startswith("losses")):
        np.testing.assert_allclose(ours[key], reference[key], rtol=1e-6, err_msg=key)
    assert_below(1e-6, errors(ours, reference, "changes"))


@pytest.mark.parametrize("name", inputs.AVERAGES)
def test_averages_of_weights_after_each_step(name):
    reference = {
        key.removeprefix(f"{name}/"): array
        for key, array in read("averages").items()
        if key.startswith(f"{name}/")
    }
    ours = package_side.average_results(inputs.AVERAGES[name])
    assert set(ours) == set(reference)
    for key, array in reference.items():
        np.testing.assert_allclose(ours[key], array, rtol=1e-10, atol=1e-12, err_msg=key)
