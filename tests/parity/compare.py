"""Compare the package with the results of the sources, and print the largest errors of each recipe.

    python -m tests.parity.compare [DIR]

DIR has the fixtures to compare with, by default the committed ones; make_fixtures.py says how to make
fixtures at full width.

The package runs in float64 where the source did. In float32 it computes the same function, but rounding can
push a number to the other side of a leaky ReLU's kink, or change the sign of a gradient near 0, which Adam
and RMSprop turn into a full step. After a few steps the third digit of the losses differs, and a mistake
could hide behind that.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tests.parity import inputs, results
from tests.parity.averages import expected
from tests.parity.package_run import PackageRun, precision

FIXTURES = Path(__file__).parent / "fixtures"


class Fixture(NamedTuple):
    """The results of a source, and how it was run."""

    recipe: str
    scale: inputs.Scale
    facts: dict
    results: dict[str, np.ndarray]


class Error(NamedTuple):
    """The largest error of one kind of result, and the name of the result that has it."""

    size: float
    name: str


def read_fixture(path: Path) -> Fixture:
    """Read a fixture from an .npz file that make_fixtures.py wrote."""
    arrays, facts = results.load(path)
    return Fixture(path.stem, inputs.Scale(facts["divisor"], facts["batch_size"]), facts, arrays)


def compare(
    fixture: Fixture,
    dtype: str,
    collect: Callable[[results.Run, str, int], dict[str, np.ndarray]] = results.collect,
) -> dict[str, Error]:
    """Run the package as the source was run, and return the largest error of each kind of result.

    Errors of images and logits are absolute, errors of losses relative. Gradients (of the first step),
    changes (of the weights, over all steps) and averages (their change after each step) are compared tensor
    by tensor: the norm of the difference divided by the norm of the source's.
    """
    recipe, (divisor, batch_size) = fixture.recipe, fixture.scale
    with precision(dtype):
        package = collect(PackageRun(recipe, divisor), recipe, batch_size)
    largest: dict[str, Error] = {}
    for name, ours in package.items():
        kind, _, whose = name.partition("/")
        size = _error(fixture, name, ours, fixture.results[name])
        if kind not in largest or not size <= largest[kind].size:  # "not", so that NaN counts as the largest
            largest[kind] = Error(size, whose)
    return largest


def _error(fixture: Fixture, name: str, ours: np.ndarray, source: np.ndarray) -> float:
    kind, _, whose = name.partition("/")
    if kind in ("images", "logits"):
        return float(np.abs(ours - source).max())
    if kind == "losses":
        return float(np.abs(ours / source - 1).max())
    if kind == "averages":
        net, _, tensor = whose.partition("/")
        weights = inputs.initial_weights(fixture.recipe, net, fixture.scale.divisor)
        start = weights[tensor].astype(np.float64)
        source = expected(fixture.recipe, fixture.scale.batch_size, net, tensor, start, source)
        ours, source = ours - start, source - start
    return float(np.linalg.norm(ours - source) / np.linalg.norm(source))


def main() -> None:
    """Print the errors of each fixture in a folder."""
    parser = argparse.ArgumentParser(description="Print how much the package differs from the sources.")
    parser.add_argument("folder", nargs="?", type=Path, default=FIXTURES, help="default: %(default)s")
    arguments = parser.parse_args()
    paths = sorted(arguments.folder.glob("*.npz"))
    if not paths:
        sys.exit(f"{arguments.folder}: has no fixtures (*.npz); make_fixtures.py makes them")
    for path in paths:
        fixture = read_fixture(path)
        (divisor, batch_size), dtype = fixture.scale, fixture.facts["dtype"]
        print(f"{fixture.recipe}, widths / {divisor}, batch {batch_size}, {dtype}")
        for kind, (size, whose) in compare(fixture, dtype).items():
            print(f"    {kind:<10} {size:8.1e}  {whose}", flush=True)


if __name__ == "__main__":
    main()
