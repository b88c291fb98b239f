"""Compute images, logits and R3GAN's steps in PyTorch, and keep them for the package to be held to.

PyTorch needs an environment of its own:

    python -m venv torch
    torch/bin/pip install torch==2.13.0 numpy==2.4.6
    torch/bin/python -m tests.parity.residual.make_fixtures

makes tests/parity/residual/fixtures/residual.npz, which tests/parity/residual/test_residual.py reads. Inputs
and initial weights are drawn alike on both sides (inputs.py): the fixture holds results only.
"""

import argparse
import platform
from importlib.metadata import version
from pathlib import Path

import numpy as np

from tests.parity import results
from tests.parity.residual import inputs, torch_reference


def main() -> None:
    """Make the fixture."""
    parser = argparse.ArgumentParser(description="Keep what PyTorch computes of the residual nets.")
    parser.add_argument("--out", type=Path, help="default: the committed fixture's folder")
    folder = parser.parse_args().out or Path(__file__).parent / "fixtures"
    folder.mkdir(parents=True, exist_ok=True)
    packages = [f"{package} {version(package)}" for package in ("torch", "numpy")]
    facts: dict[str, str | int | float] = {
        "made_with": ", ".join([f"Python {platform.python_version()}", *packages]),
        "inputs_from": "np.random.RandomState, its legacy normal and uniform streams, seeded as in inputs.py",
        "inputs_sum": inputs.fingerprint(),
    }
    found = {
        # Changes in float32, which is near enough and half as large.
        name: array.astype(np.float32) if name.startswith("changes") else array
        for name, array in (torch_reference.results() | torch_reference.parameter_counts()).items()
    }
    path = folder / "residual.npz"
    results.save(path, found, facts)
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
