"""Compute losses, penalties, averages and GAN steps in PyTorch, and keep them for the package to be held to.

PyTorch needs an environment of its own:

    python -m venv torch
    torch/bin/pip install torch==2.13.0 numpy==2.4.6
    torch/bin/python -m tests.parity.modern.make_fixtures

makes tests/parity/modern/fixtures/NAME.npz, which tests/parity/modern/test_modern.py reads. Inputs and
initial weights are drawn alike on both sides (inputs.py): the fixtures hold results only.
"""

import argparse
import platform
from importlib.metadata import version
from pathlib import Path

import numpy as np

from tests.parity import results
from tests.parity.modern import inputs, torch_reference


def main() -> None:
    """Make all fixtures."""
    parser = argparse.ArgumentParser(description="Keep what PyTorch computes of the modern objective.")
    parser.add_argument("--out", type=Path, help="default: the committed fixtures' folder")
    folder = parser.parse_args().out or Path(__file__).parent / "fixtures"
    folder.mkdir(parents=True, exist_ok=True)
    packages = [f"{package} {version(package)}" for package in ("torch", "numpy")]
    facts: dict[str, str | int | float] = {
        "made_with": ", ".join([f"Python {platform.python_version()}", *packages]),
        "inputs_from": "np.random.RandomState, its legacy normal and uniform streams, seeded as in inputs.py",
        "inputs_sum": inputs.fingerprint(),
    }
    for name, found in _fixtures().items():
        path = folder / f"{name}.npz"
        results.save(path, found, facts)
        print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


def _fixtures() -> dict[str, inputs.Arrays]:
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
        f"steps_{name}": _rounded(torch_reference.step_results(settings))
        for name, settings in inputs.GANS.items()
    }
    return {"losses": losses, "penalties": torch_reference.penalty_results(), "averages": averages, **steps}


def _rounded(found: inputs.Arrays) -> inputs.Arrays:
    """The changes of weights in float32, which is near enough and half as large."""
    return {
        name: array.astype(np.float32) if name.startswith("changes") else array
        for name, array in found.items()
    }


if __name__ == "__main__":
    main()
