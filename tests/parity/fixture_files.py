"""Fixtures of what PyTorch computes, as a script keeps them for the tests."""

import argparse
import platform
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np

from tests.parity import results
from tests.parity.drawing import Arrays


def make_fixtures(what: str, default: Path, inputs_sum: float, made: Callable[[], dict[str, Arrays]]) -> None:
    """The main function of a script that makes NAME.npz for each name of `made`.

    what: what PyTorch computes, for the help. default: the folder, unless --out gives another.
    inputs_sum: the fingerprint of the inputs.
    """
    parser = argparse.ArgumentParser(description=f"Keep what PyTorch computes of {what}.")
    parser.add_argument("--out", type=Path, help="default: the committed fixtures' folder")
    folder = parser.parse_args().out or default
    folder.mkdir(parents=True, exist_ok=True)
    packages = [f"{package} {version(package)}" for package in ("torch", "numpy")]
    facts: dict[str, str | int | float] = {
        "made_with": ", ".join([f"Python {platform.python_version()}", *packages]),
        "inputs_from": "np.random.RandomState, its legacy normal and uniform streams, seeded as in inputs.py",
        "inputs_sum": inputs_sum,
    }
    for name, found in made().items():
        path = folder / f"{name}.npz"
        results.save(path, found, facts)
        print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


def with_small_changes(found: Arrays) -> Arrays:
    """The results, with the changes of weights in float32, which is near enough and half as large."""
    return {
        name: array.astype(np.float32) if name.startswith("changes") else array
        for name, array in found.items()
    }
