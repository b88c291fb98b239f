"""Initial weights, images, latents and label noise, the same for the source's framework and for ours.

All are drawn from `np.random.RandomState`, whose stream numpy never changes, so fixtures hold only results.
Every tensor has a stream of its own, so the order of drawing doesn't matter.
"""

import math
import zlib
from typing import NamedTuple

import numpy as np

from tests.parity.layers import Parameter, parameters

STEPS = 5


class Scale(NamedTuple):
    """The width of a recipe's nets, and the batch size."""

    divisor: int
    """All widths are divided by it."""
    batch_size: int


COMMITTED = {
    "dcgan32_smooth": Scale(8, 6),
    "dcgan32": Scale(16, 6),
    "dcgan128": Scale(16, 4),
    "celeba128": Scale(32, 4),
    "dcgan64_sgd": Scale(16, 6),
}
FULL_WIDTH = {
    "dcgan32_smooth": Scale(1, 4),
    "dcgan32": Scale(1, 4),
    "dcgan128": Scale(1, 4),
    "celeba128": Scale(1, 2),
    "dcgan64_sgd": Scale(1, 4),
}
SIZES = {"dcgan32_smooth": 32, "dcgan32": 32, "dcgan128": 128, "celeba128": 128, "dcgan64_sgd": 64}
LATENTS = {"celeba128": 32}


class Batch(NamedTuple):
    """Inputs of one training step."""

    reals: np.ndarray
    """[B, S, S, 3] in [-1, 1]."""
    latents_d: np.ndarray
    """[B, L], for the discriminator's fakes."""
    latents_g: np.ndarray
    """[B, L], for the generator's fakes."""
    label_noise: np.ndarray
    """U(0, 1) [2B, 1], for the fakes and then for the reals."""


class Step(NamedTuple):
    """Results of one training step."""

    d_loss: float
    g_loss: float
    gradients: dict[str, dict[str, np.ndarray]]
    """Gradients of each net by the source's names for its tensors; empty if they were not kept."""


def batch(recipe: str, step: int, batch_size: int) -> Batch:
    """The inputs of step number `step`, counted from 0, in float32."""
    size, latent = SIZES[recipe], LATENTS.get(recipe, 100)
    random = {name: _random(recipe, name, str(step)) for name in Batch._fields}
    arrays = Batch(
        reals=random["reals"].uniform(-1, 1, (batch_size, size, size, 3)),
        latents_d=random["latents_d"].normal(size=(batch_size, latent)),
        latents_g=random["latents_g"].normal(size=(batch_size, latent)),
        label_noise=random["label_noise"].uniform(size=(2 * batch_size, 1)),
    )
    return Batch(*(array.astype(np.float32) for array in arrays))


def initial_weights(recipe: str, net: str, divisor: int) -> dict[str, np.ndarray]:
    """Every tensor of a net, float32, in the source's order and layout and by its names."""
    drawn = {p.name: _draw(p, _random(recipe, net, p.name)) for p in parameters(recipe, net, divisor)}
    if recipe == "celeba128":
        _make_gradients_large(net, drawn)
    else:
        _make_a_channel_quiet(recipe, net, divisor, drawn)
    return {name: array.astype(np.float32) for name, array in drawn.items()}


def fingerprint(recipe: str, scale: Scale) -> float:
    """The sum of the absolute values of all inputs: it changes if any of them does."""
    weights = [initial_weights(recipe, net, scale.divisor) for net in ("generator", "discriminator")]
    arrays = [array for tensors in weights for array in tensors.values()]
    arrays += [array for step in range(STEPS) for array in batch(recipe, step, scale.batch_size)]
    return sum(float(np.abs(array).sum(dtype=np.float64)) for array in arrays)


def _random(*names: str) -> np.random.RandomState:
    return np.random.RandomState([zlib.crc32(name.encode()) for name in names])


def _draw(parameter: Parameter, random: np.random.RandomState) -> np.ndarray:
    """Weights with which signals neither vanish nor explode, no bias is 0, and no gamma is 1."""
    noise = random.normal(size=parameter.shape)
    if parameter.layer == "norm" and parameter.role == "weight":
        return 1 + 0.1 * noise
    if parameter.role == "running_var":
        return random.uniform(0.5, 1.5, parameter.shape)
    if parameter.role in ("bias", "running_mean"):
        return 0.1 * noise
    return noise / np.sqrt(_terms(parameter))


def _terms(parameter: Parameter) -> int:
    """How many products are summed for one output of this layer, away from the border."""
    shape, kind = parameter.shape, parameter.layer.partition(" ")[0]
    if (
        kind == "deconv"
    ):  # with stride 2 a quarter of the 4x4 kernel; for the 1x1 map of latents one place of it
        return shape[0] * (1 if shape[0] == 100 else 4)
    if kind == "conv2d_transpose":
        return shape[3] * 4
    if kind in ("conv2d", "dense"):
        return math.prod(shape[:-1])
    return math.prod(shape[1:])


def _make_gradients_large(net: str, drawn: dict[str, np.ndarray]) -> None:
    """Make some gradients exceed the clipvalue of 1.0, in nets without normalisation."""
    for name in drawn:
        if name.endswith("kernel"):
            drawn[name] *= 1.35  # makes up for what a leaky ReLU of slope 0.3 removes
    if net == "discriminator":
        drawn["dense.kernel"] *= 6


def _make_a_channel_quiet(recipe: str, net: str, divisor: int, drawn: dict[str, np.ndarray]) -> None:
    """Give the last channel before the last layer tiny weights in that layer.

    The gradients of that channel are then near 1e-6, where the place of Adam's epsilon of 1e-8 matters.
    """
    last = [p for p in parameters(recipe, net, divisor) if p.role == "weight"][-1]
    weight = drawn[last.name]
    if last.layer == "deconv":
        weight[-1] *= 1e-3
    elif last.layer == "conv":
        weight[:, -1] *= 1e-3
    else:  # a linear layer after a flattened 4x4 map with the channels first
        weight[:, -16:] *= 1e-3
