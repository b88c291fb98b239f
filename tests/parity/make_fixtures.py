"""Run the five sources in their own frameworks and save the results, which the package must reproduce.

The frameworks need an environment of their own, because the package's has neither of them:

    python -m venv sources
    sources/bin/pip install torch==2.13.0 tensorflow==2.21.0 tf_keras==2.21.0
    sources/bin/python -m tests.parity.make_fixtures

The last line writes tests/parity/fixtures/NAME.npz at reduced width, which test_parity.py reads. At the
recipes' full widths:

    sources/bin/python -m tests.parity.make_fixtures --full-width --out DIR
    python -m tests.parity.compare DIR

The second line runs in the package's environment and prints the largest errors of each recipe. At full width
celeba128 takes very long on a CPU; --float32 is faster and proves less (compare.py says why).

Both sides draw the same inputs and initial weights (inputs.py), so the fixtures hold only results.
"""

import argparse
import platform
from importlib.metadata import version
from pathlib import Path

from tests.parity import inputs, results


def make(recipe: str, scale: inputs.Scale, dtype: str, folder: Path) -> Path:
    """Run the source of `recipe` and write its results to `folder`/NAME.npz; return that path."""
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
    """Make the fixtures of the named recipes, or of all five."""
    parser = argparse.ArgumentParser(description="Run the sources of the recipes and save their results.")
    parser.add_argument("recipes", nargs="*", help="default: all five")
    parser.add_argument("--full-width", action="store_true", help="use the recipes' own widths; needs --out")
    parser.add_argument(
        "--float32", action="store_true", help="compute in float32 instead of float64; needs --out"
    )
    parser.add_argument("--out", type=Path, help="folder to write to (default: the committed fixtures)")
    arguments = parser.parse_args()
    if (arguments.full_width or arguments.float32) and not arguments.out:
        parser.error("--full-width and --float32 need --out, because the committed fixtures are neither")
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
