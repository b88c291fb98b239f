"""What the package's running averages must be, if the source's are right: two differences are meant.

1. PyTorch normalises a batch by its variance, but averages the unbiased one, n / (n - 1) as large for n
   numbers; Keras averages the same that it normalises by. It matters at inference alone.
2. The source of dcgan128 makes its fakes once and shows them to the discriminator in both steps. The
   package makes them again in the generator's step, from the same latents and unchanged weights: they
   are the same to the bit, but the generator's averages move towards the same statistics twice.

Both can be worked out exactly.
"""

import numpy as np

from tests.parity import inputs
from tests.parity.layers import normalised_side

KEPT = 0.9  # of an average, each time that it moves
GENERATE_ONCE = ("dcgan128",)


def expected(
    recipe: str, batch_size: int, net: str, name: str, start: np.ndarray, source: np.ndarray
) -> np.ndarray:
    """The package's averages [STEPS, C] after each step, for the source's, which began as `start` [C]."""
    once = net == "generator" and recipe in GENERATE_ONCE
    # The discriminator's: reals, fakes, and fakes again in the generator's step.
    moves = 3 if net == "discriminator" else 1 if once else 2
    rest = start * KEPT ** (moves * np.arange(1, inputs.STEPS + 1))[:, None]
    averages = source
    if name.endswith("running_var"):
        side = normalised_side(recipe, net, name.removesuffix(".running_var"), inputs.SIZES[recipe])
        count = batch_size * side**2
        averages = rest + (source - rest) * (count - 1) / count
    return _moved_twice(start, averages) if once else averages


def _moved_twice(start: np.ndarray, averages: np.ndarray) -> np.ndarray:
    """The averages, had each move been made a second time."""
    statistics = (averages - KEPT * np.stack([start, *averages[:-1]])) / (1 - KEPT)
    moved = [start]
    for statistic in statistics:
        moved.append(KEPT**2 * moved[-1] + (1 - KEPT**2) * statistic)
    return np.stack(moved[1:])
