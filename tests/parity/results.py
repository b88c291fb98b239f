"""The results of a run, by a source or by the package, and the format of the fixtures.

A result has a name, such as gradients/generator/fcl.weight, and is in the source's layout. A large array is
reduced to PICKS elements, at places that depend on its name and size alone: enough to distinguish arrays
that differ in more than a few elements, and small enough to commit.
"""

import zlib
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from tests.parity import inputs

PICKS = 4096

Tensors = dict[str, dict[str, np.ndarray]]
"""The tensors of each net by the source's names."""


class Run(Protocol):
    """Both nets of a recipe and the step that trains them."""

    def images(self, latents: np.ndarray, training: bool) -> np.ndarray:
        """Images [N, S, S, 3]; changes nothing, not even in training mode."""

    def logits(self, reals: np.ndarray, training: bool) -> np.ndarray:
        """Logits [N, 1]; changes nothing, not even in training mode."""

    def step(self, batch: inputs.Batch, keep_gradients: bool) -> inputs.Step:
        """Update the discriminator, then the generator."""

    def weights(self) -> Tensors:
        """All tensors of both nets, including running averages."""


def collect(run: Run, recipe: str, batch_size: int) -> dict[str, np.ndarray]:
    """Get images and logits from both nets, then train them for STEPS steps; return all results by name."""
    return outputs(run, recipe, batch_size) | training(run, recipe, batch_size)


def outputs(run: Run, recipe: str, batch_size: int) -> dict[str, np.ndarray]:
    """Images and logits of the first batch."""
    found = {}
    first = inputs.batch(recipe, 0, batch_size)
    for mode, training in (("training", True), ("inference", False)):
        found[f"images/{mode}"] = run.images(first.latents_d, training)
        found[f"logits/{mode}"] = run.logits(first.reals, training)
    return _picked(found)


def training(run: Run, recipe: str, batch_size: int) -> dict[str, np.ndarray]:
    """STEPS steps: the losses and running averages of each, the first's gradients, all change of weights."""
    before = run.weights()
    steps, after = [], []
    for number in range(inputs.STEPS):
        steps.append(run.step(inputs.batch(recipe, number, batch_size), keep_gradients=number == 0))
        after.append(run.weights())
    found = {
        "losses/discriminator": np.array([step.d_loss for step in steps]),
        "losses/generator": np.array([step.g_loss for step in steps]),
    }
    for net, tensors in before.items():
        for name, start in tensors.items():
            if "running" in name:
                found[f"averages/{net}/{name}"] = np.stack([weights[net][name] for weights in after])
            else:
                found[f"gradients/{net}/{name}"] = steps[0].gradients[net][name]
                found[f"changes/{net}/{name}"] = after[-1][net][name].astype(np.float64) - start
    return _picked(found)


def save(path: Path, results: dict[str, np.ndarray], facts: dict[str, str | int | float]) -> None:
    """Write results and facts about them as an .npz file."""
    arrays: dict[str, Any] = {f"facts/{name}": np.array(fact) for name, fact in facts.items()}
    np.savez_compressed(path, **(arrays | results))


def load(path: Path) -> tuple[dict[str, np.ndarray], dict]:
    """The results and the facts of an .npz file."""
    with np.load(path, allow_pickle=False) as file:
        arrays = dict(file)
    facts = {
        name.removeprefix("facts/"): arrays.pop(name).item() for name in list(arrays) if "facts/" in name
    }
    return arrays, facts


def _picked(found: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: _pick(name, array) for name, array in found.items()}


def _pick(name: str, array: np.ndarray) -> np.ndarray:
    if name.startswith(("losses", "averages")):  # few, and their last digits matter
        return array.astype(np.float64)
    if array.size > PICKS:
        places = np.random.RandomState(zlib.crc32(name.encode())).randint(array.size, size=PICKS)
        array = array.ravel()[places]
    return array.astype(np.float32)
