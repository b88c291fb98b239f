"""Compute losses, penalties, averages and GAN steps in PyTorch, and keep them for the package to be held to.

PyTorch needs an environment of its own:

    python -m venv torch
    torch/bin/pip install torch==2.13.0 numpy==2.4.6
    torch/bin/python -m tests.parity.modern.make_fixtures

makes tests/parity/modern/fixtures/NAME.npz, which tests/parity/modern/test_modern.py reads. Inputs and
initial weights are drawn alike on both sides (inputs.py): the fixtures hold results only.
"""

from pathlib import Path

from tests.parity.drawing import Arrays
from tests.parity.fixture_files import make_fixtures, with_small_changes
from tests.parity.modern import inputs, torch_reference

FOLDER = Path(__file__).parent / "fixtures"


def _fixtures() -> dict[str, Arrays]:
    losses = {
        f"{name}/{size}/{key}": array
        for name, settings in inputs.LOSSES.items()
        for size in ("moderate", "large")
        for key, array in torch_reference.loss_results(settings, size).items()
    }
    averages = {
        f"{name}/{key}": array
        for name, case in inputs.AVERAGES.items()
        for key, array in torch_reference.average_results(case).items()
    }
    steps = {
        f"steps_{name}": with_small_changes(torch_reference.step_results(settings))
        for name, settings in inputs.GANS.items()
    }
    return {"losses": losses, "penalties": torch_reference.penalty_results(), "averages": averages, **steps}


if __name__ == "__main__":
    make_fixtures("the modern objective", FOLDER, inputs.fingerprint(), _fixtures)
