"""What both sides compute, and from which numbers: the same for PyTorch and for the package.

All numbers come from ../drawing.py, so that the fixture needs to hold results only.
"""

import math

import numpy as np

from tests.parity import drawing
from tests.parity.drawing import Arrays, Batch, stream

# Small nets with all that the published ones have: stages of equal and of different widths, several groups.
LATENT_DIM = 5
CHANNELS = (8, 8, 4)
BLOCKS = 2
GROUP_CHANNELS = 4
SIZE = 16

PUBLISHED = {
    "faces64_gpu": (768, 768, 768, 768, 384),
    "faces128_gpu": (768, 768, 768, 768, 384, 192),
    "faces256_gpu": (768, 768, 768, 768, 384, 192, 96),
}
"""Channels of the configs whose parameters are counted; the first and the last are the source's."""

STEPS = 3
BATCH_SIZE = 6
DECAY_IMAGES = 4 * BATCH_SIZE
"""Length of all schedules: longer than the run, so that every step has other values."""
LEARNING_RATE = (2e-3, 5e-4)
BETA2 = (0.9, 0.99)
GAMMA = (2.0, 0.2)
EPSILON = 1e-3  # near the gradients, so that it shows where it is added and how large they are


def batch(step: int) -> Batch:
    """The inputs of step 0, 1, ..."""
    return drawing.batch(step, BATCH_SIZE, SIZE, LATENT_DIM)


def shapes(net: str) -> dict[str, tuple[int, ...]]:
    """The shape of each tensor in Keras' layout and order: kernels are [height, width, in, out]."""
    stages = list(enumerate(CHANNELS))
    if net == "generator":
        found: dict[str, tuple[int, ...]] = {
            "linear": (LATENT_DIM, CHANNELS[0]),
            "basis": (4, 4, CHANNELS[0]),
        }
    else:
        stages.reverse()
        found = {"rgb": (1, 1, 3, CHANNELS[-1])}
    before = stages[0][1]
    for stage, channels in stages:
        if channels != before:
            found[f"stage{stage}.fit"] = (1, 1, before, channels)
        for block in range(BLOCKS):
            wide, name = 2 * channels, f"stage{stage}.block{block}"
            found[f"{name}.widen.kernel"] = (1, 1, channels, wide)
            found[f"{name}.widen.bias"] = (wide,)
            found[f"{name}.grouped.kernel"] = (3, 3, GROUP_CHANNELS, wide)
            found[f"{name}.grouped.bias"] = (wide,)
            found[f"{name}.narrow"] = (1, 1, wide, channels)
        before = channels
    if net == "generator":
        return found | {"rgb": (1, 1, CHANNELS[-1], 3)}
    return found | {"basis": (4, 4, CHANNELS[0], 1), "linear": (CHANNELS[0], 1)}


def initial_weights(net: str) -> Arrays:
    """Every tensor in Keras' layout and order. None is zero, so that each matters from the first step on."""
    drawn = {}
    for name, shape in shapes(net).items():
        noise = stream("weights", net, name).normal(size=shape)
        if name.endswith("bias"):
            drawn[name] = 0.1 * noise
        elif name == "basis":
            drawn[name] = noise if net == "generator" else noise / 4
        else:
            drawn[name] = noise / math.sqrt(math.prod(shape[:-1]))
    return drawn


def fingerprint() -> float:
    """A sum over all inputs: if it differs, so do they."""
    arrays = [array for step in range(STEPS) for array in batch(step)]
    arrays += [array for net in ("generator", "discriminator") for array in initial_weights(net).values()]
    return sum(float(np.abs(array).sum()) for array in arrays)
