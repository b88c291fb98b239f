"""The running averages that the package must have, derived from the source's: they differ in two ways.

1. PyTorch normalises a batch by its variance, but averages the unbiased variance, which is n / (n - 1) times
   as large for n numbers. Keras averages the variance that it normalises by. The difference matters only at
   inference.
2. The source of dcgan128 makes its fakes once and shows them to the discriminator in both steps. The
   package makes them again in the generator's step, from the same latents and unchanged weights. They are
   identical, but the generator's averages move twice towards the same statistics.

Both differences are intended, and can be computed exactly.
"""

import numpy as np

from tests.parity import inputs
from tests.parity.layers import normalised_side

KEPT = 0.9
"""Share of an average that remains each time it moves."""
GENERATE_ONCE = ("dcgan128",)
"""Recipes whose source makes its fakes once for both steps."""


def expected(
    recipe: str, batch_size: int, net: str, name: str, start: np.ndarray, source: np.ndarray
) -> np.ndarray:
    """The averages [STEPS, C] that the package must have after each step.

    start: the initial averages [C]. source: the source's averages [STEPS, C].
    """
    once = net == "generator" and recipe in GENERATE_ONCE
    # The discriminator's averages move with reals, with fakes, and with fakes in the generator's step.
    moves = 3 if net == "discriminator" else 1 if once else 2
    rest = start * KEPT ** (moves * np.arange(1, inputs.STEPS + 1))[:, None]
    averages = source
    if name.endswith("running_var"):
        side = normalised_side(recipe, net, name.removesuffix(".running_var"), inputs.SIZES[recipe])
        count = batch_size * side**2
        averages = rest + (source - rest) * (count - 1) / count
    return _moved_twice(start, averages) if once else averages


def _moved_twice(start: np.ndarray, averages: np.ndarray) -> np.ndarray:
    """The averages if each of their moves were made twice."""
    statistics = (averages - KEPT * np.stack([start, *averages[:-1]])) / (1 - KEPT)
    moved = [start]
    for statistic in statistics:
        moved.append(KEPT**2 * moved[-1] + (1 - KEPT**2) * statistic)
    return np.stack(moved[1:])
