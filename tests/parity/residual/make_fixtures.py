"""Compute images, logits and R3GAN's steps in PyTorch, and keep them for the package to be held to.

PyTorch needs an environment of its own:

    python -m venv torch
    torch/bin/pip install torch==2.13.0 numpy==2.4.6
    torch/bin/python -m tests.parity.residual.make_fixtures

makes tests/parity/residual/fixtures/residual.npz, which tests/parity/residual/test_residual.py reads. Inputs
and initial weights are drawn alike on both sides (inputs.py): the fixture holds results only.
"""

from pathlib import Path

from tests.parity.drawing import Arrays
from tests.parity.fixture_files import make_fixtures, with_small_changes
from tests.parity.residual import inputs, torch_reference

FOLDER = Path(__file__).parent / "fixtures"


def _fixtures() -> dict[str, Arrays]:
    found = torch_reference.results() | torch_reference.parameter_counts()
    return {"residual": with_small_changes(found)}


if __name__ == "__main__":
    make_fixtures("the residual nets", FOLDER, inputs.fingerprint(), _fixtures)
