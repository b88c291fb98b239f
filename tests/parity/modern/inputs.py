"""What both sides compute, and from which numbers: the same for PyTorch and for the package.

All numbers come from ../drawing.py, so that a fixture needs to hold results only.
"""

import math
from typing import NamedTuple

import numpy as np

from tests.parity import drawing
from tests.parity.drawing import Arrays, Batch, stream

STEPS = 5
BATCH_SIZE = 6
SIZE = 32

LOSSES: dict[str, dict] = {
    "bce": {"loss": "bce"},
    "bce_targets": {
        "loss": "bce",
        "real_target": 0.9,
        "fake_target": 0.15,
        "generator_target": 0.8,
        "label_noise": 0.05,
    },
    "bce_split": {"loss": "bce", "batching": "split"},
    "hinge": {"loss": "hinge"},
    "least_squares": {"loss": "least_squares"},
    "relativistic": {"loss": "relativistic"},
}
"""Settings of `objective` for the losses that are compared as functions of logits."""

GANS: dict[str, dict] = {
    "hinge": LOSSES["hinge"],
    "least_squares": LOSSES["least_squares"],
    "relativistic": LOSSES["relativistic"],
    "relativistic_r1_r2": LOSSES["relativistic"] | {"r1": 0.5, "r2": 0.3},
    "relativistic_lazy": LOSSES["relativistic"] | {"r1": 0.5, "r2": 0.3, "penalty_every": 3},
    "bce_r1": LOSSES["bce_targets"] | {"r1": 0.4},
}
"""Settings of `objective` for the GANs that are trained for STEPS steps."""

LATENT_DIM, STEM, BODY, HEAD, CHANNELS = 4, 2, 3, 3, 4
SLOPE = 0.25  # TensorFlow rounds slopes to float32, which leaves this one as it is

LEARNING_RATES = {"discriminator": 2e-3, "generator": 1e-3}
BETA1, BETA2 = 0.0, 0.99
EPSILON = 1e-3  # near the gradients, so that it shows where it is added and how large they are

# The deepconv nets: every layer with weights, and the shape of its kernel in Keras' layout:
# [height, width, in, out], of a transposed convolution [height, width, out, in].
KERNELS: dict[str, dict[str, tuple[int, ...]]] = {
    "generator": {
        "dense": (LATENT_DIM, 16 * 16 * STEM),
        "conv_1": (5, 5, STEM, BODY),
        "deconv": (4, 4, BODY, BODY),
        "conv_2": (5, 5, BODY, HEAD),
        "conv_3": (5, 5, HEAD, HEAD),
        "conv_4": (7, 7, HEAD, 3),
    },
    "discriminator": {
        "conv_1": (3, 3, 3, CHANNELS),
        "conv_2": (4, 4, CHANNELS, CHANNELS),
        "conv_3": (4, 4, CHANNELS, CHANNELS),
        "dense": (6 * 6 * CHANNELS, 1),
    },
}


class Average(NamedTuple):
    """A moving average over AVERAGE_STEPS steps."""

    half_life: float  # in images
    images: int  # in a step
    seen_before: int  # images


AVERAGE_STEPS = 20
AVERAGES = {
    "ramp_ends": Average(half_life=3.25, images=6, seen_before=0),  # after step 10
    "ramp_only": Average(half_life=1e9, images=6, seen_before=0),
    "no_ramp": Average(half_life=100.0, images=16, seen_before=10_000),
}
# A dense layer, then batch normalisation with its running mean and variance.
AVERAGED = {"kernel": (3, 4), "bias": (4,), "gamma": (4,), "beta": (4,), "mean": (4,), "variance": (4,)}


def batch(step: int) -> Batch:
    """The inputs of step 0, 1, ..."""
    return drawing.batch(step, BATCH_SIZE, SIZE, LATENT_DIM)


def penalty_images() -> tuple[np.ndarray, np.ndarray]:
    """Reals and fakes [N, S, S, 3], of unlike statistics, so that R1 and R2 differ."""
    draw = {name: stream("penalty", name) for name in ("reals", "fakes")}
    reals, fakes = (draw[name].uniform(-1, 1, (BATCH_SIZE, SIZE, SIZE, 3)) for name in ("reals", "fakes"))
    return reals, 0.3 * fakes - 0.5


def logits(size: str) -> tuple[np.ndarray, np.ndarray]:
    """Logits [N, 1] of fakes and of reals.

    size: "moderate", on both sides of each kink, or "large", with differences whose exp overflows.
    """
    draw = {name: stream("logits", size, name) for name in ("fakes", "reals")}
    if size == "moderate":
        fakes, reals = (2 * draw[name].normal(size=(BATCH_SIZE, 1)) for name in ("fakes", "reals"))
    else:
        fakes, reals = (draw[name].uniform(-1000, 1000, (BATCH_SIZE, 1)) for name in ("fakes", "reals"))
    return fakes, reals


def label_noise() -> np.ndarray:
    """U(0, 1), [2N, 1]: the fakes', then the reals'."""
    return batch(0).label_noise


def initial_weights(net: str) -> Arrays:
    """Kernel and bias of every layer in the order of Keras, such that signals neither vanish nor explode."""
    drawn = {}
    for layer, shape in KERNELS[net].items():
        terms = 4 * shape[-1] if layer == "deconv" else math.prod(shape[:-1])  # stride 2: a quarter of 4x4
        outputs = shape[2] if layer == "deconv" else shape[-1]
        noise = stream("weights", net, layer, "kernel").normal(size=shape)
        drawn[f"{layer}.kernel"] = 1.4 * noise / np.sqrt(terms)
        drawn[f"{layer}.bias"] = 0.1 * stream("weights", net, layer, "bias").normal(size=outputs)
    return drawn


def averaged_weights(step: int) -> Arrays:
    """Weights of the net that is averaged after step 1, 2, ...; those of step 0 start the average."""
    return {name: stream("averaged", name, str(step)).normal(size=shape) for name, shape in AVERAGED.items()}


def fingerprint() -> float:
    """A sum over all inputs: if it differs, so do they."""
    arrays = [*penalty_images(), *logits("moderate"), *logits("large")]
    arrays += [array for step in range(STEPS) for array in batch(step)]
    arrays += [array for net in KERNELS for array in initial_weights(net).values()]
    arrays += [array for step in range(AVERAGE_STEPS + 1) for array in averaged_weights(step).values()]
    return sum(float(np.abs(array).sum()) for array in arrays)
