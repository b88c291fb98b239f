"""Hold the package to what the sources gave: the largest errors of each recipe.

    python tests/parity/compare.py [DIR]

prints them for the fixtures in DIR, by default the committed ones; make_fixtures.py says how to make
those of full width.

The package runs in float64 where the source did. In float32 it computes the same, but a rounded number
may fall on the other side of a leaky ReLU's kink, or turn round the sign of a gradient near 0, of which
Adam and RMSprop make a whole step. After some steps that shows in the third digit of the losses, where a
mistake could hide.
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
    """What a source gave."""

    recipe: str
    scale: inputs.Scale
    facts: dict
    results: dict[str, np.ndarray]


class Error(NamedTuple):
    """The largest error of a kind, and whose it is."""

    size: float
    name: str


def read_fixture(path: Path) -> Fixture:
    """The fixture in an .npz file of make_fixtures.py."""
    arrays, facts = results.load(path)
    return Fixture(path.stem, inputs.Scale(facts["divisor"], facts["batch_size"]), facts, arrays)


def compare(
    fixture: Fixture,
    dtype: str,
    collect: Callable[[results.Run, str, int], dict[str, np.ndarray]] = results.collect,
) -> dict[str, Error]:
    """Run the package as the source was run; the largest error of each kind of result.

    images and logits: absolute. losses: relative. gradients (of the first step), changes (of the
    weights, in all steps) and averages (their change, after each step): relative and by tensor, the norm
    of the difference divided by the source's norm.
    """
    recipe, (divisor, batch_size) = fixture.recipe, fixture.scale
    with precision(dtype):
        package = collect(PackageRun(recipe, divisor), recipe, batch_size)
    largest: dict[str, Error] = {}
    for name, ours in package.items():
        kind, _, whose = name.partition("/")
        size = _error(fixture, name, ours, fixture.results[name])
        if kind not in largest or not size <= largest[kind].size:  # "not": NaN is larger than anything
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
    """Print the errors for each fixture in a folder."""
    parser = argparse.ArgumentParser(description="Print how far the package is from the recipes' sources.")
    parser.add_argument("folder", nargs="?", type=Path, default=FIXTURES, help="default: %(default)s")
    arguments = parser.parse_args()
    paths = sorted(arguments.folder.glob("*.npz"))
    if not paths:
        sys.exit(f"{arguments.folder}: no fixtures (*.npz) in there; make_fixtures.py makes them")
    for path in paths:
        fixture = read_fixture(path)
        (divisor, batch_size), dtype = fixture.scale, fixture.facts["dtype"]
        print(f"{fixture.recipe}, widths / {divisor}, batch {batch_size}, {dtype}")
        for kind, (size, whose) in compare(fixture, dtype).items():
            print(f"    {kind:<10} {size:8.1e}  {whose}", flush=True)


if __name__ == "__main__":
    main()
