"""Run the five sources in their own frameworks, and keep what they give, for the package to be held to.

The frameworks need an environment of their own, as the package's has neither of them:

    python -m venv sources
    sources/bin/pip install torch==2.13.0 tensorflow==2.21.0 tf_keras==2.21.0
    sources/bin/python -m tests.parity.make_fixtures

makes tests/parity/fixtures/NAME.npz, at reduced width, which tests/parity/test_parity.py reads. At the
recipes' own widths:

    sources/bin/python -m tests.parity.make_fixtures --full-width --out DIR
    python tests/parity/compare.py DIR

The second line is run in the package's environment; it prints the largest errors of each recipe.
On a CPU, celeba128 takes very long so; --float32 is quicker, and says less (compare.py tells why).

Inputs and initial weights are drawn alike on both sides (inputs.py): the fixtures hold results only.
"""

import argparse
import platform
from importlib.metadata import version
from pathlib import Path

from tests.parity import inputs, results


def make(recipe: str, scale: inputs.Scale, dtype: str, folder: Path) -> Path:
    """Run the source of `recipe`, and write folder/NAME.npz."""
    weights = {
        net: inputs.initial_weights(recipe, net, scale.divisor) for net in ("generator", "discriminator")
    }
    run: results.Run
    if recipe == "celeba128":
        from tests.parity import keras2_recipe

        run = keras2_recipe.Run(scale.divisor, weights, dtype)
        packages = ["tf_keras", "tensorflow", "numpy"]
    else:
        from tests.parity import torch_recipes

        run = torch_recipes.Run(recipe, scale.divisor, weights, dtype)
        packages = ["torch", "numpy"]
    versions = [f"{package} {version(package)}" for package in packages]
    facts: dict[str, str | int | float] = {
        "divisor": scale.divisor,
        "batch_size": scale.batch_size,
        "dtype": dtype,
        "made_with": ", ".join([f"Python {platform.python_version()}", *versions]),
        "inputs_from": "np.random.RandomState, its legacy normal and uniform streams, seeded as in inputs.py",
        "inputs_sum": inputs.fingerprint(recipe, scale),
    }
    path = folder / f"{recipe}.npz"
    results.save(path, results.collect(run, recipe, scale.batch_size), facts)
    return path


def main() -> None:
    """Make the fixtures of the recipes named, or of all."""
    parser = argparse.ArgumentParser(description="Run the sources of the recipes and keep what they give.")
    parser.add_argument("recipes", nargs="*", help="default: all five")
    parser.add_argument("--full-width", action="store_true", help="the recipes' own widths; needs --out")
    parser.add_argument("--float32", action="store_true", help="instead of float64; needs --out")
    parser.add_argument("--out", type=Path, help="default: the committed fixtures' folder")
    arguments = parser.parse_args()
    if (arguments.full_width or arguments.float32) and not arguments.out:
        parser.error("--full-width and --float32 need --out: the committed fixtures are neither")
    unknown = set(arguments.recipes) - set(inputs.COMMITTED)
    if unknown:
        parser.error(f"no such recipe: {', '.join(unknown)}; known: {', '.join(inputs.COMMITTED)}")
    scales = inputs.FULL_WIDTH if arguments.full_width else inputs.COMMITTED
    folder = arguments.out or Path(__file__).parent / "fixtures"
    folder.mkdir(parents=True, exist_ok=True)
    for recipe in arguments.recipes or scales:
        path = make(recipe, scales[recipe], "float32" if arguments.float32 else "float64", folder)
        print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
