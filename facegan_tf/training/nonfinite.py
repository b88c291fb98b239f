"""NaN and infinity: noticed after the call that made them, and kept for inspection."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np

from facegan_tf.common.files import write_json
from facegan_tf.model.nonfinite import NonFiniteError
from facegan_tf.model.state import nonfinite_variables
from facegan_tf.training.step_callback import Logs, StepCallback


class NonFiniteGuard(StepCallback):
    """Raises NonFiniteError after a call in which the losses of a step were not finite.

    It runs before the callbacks that write, so nothing of such a call is logged, drawn or saved. Weights that
    went bad in a step show in the next step's losses, or when they are about to be saved.
    """

    def after_steps(self, before: int, after: int, logs: Logs) -> None:
        """Check the losses of each step."""
        for step, losses in self.each_step(after):
            if not all(map(math.isfinite, losses.values())):
                raise NonFiniteError(step - 1, step, losses, nonfinite_variables(self.model))


def save_numbers(
    folder: Path, error: NonFiniteError, rollbacks: int, indices: Callable[[int], np.ndarray]
) -> Path:
    """Write the numbers of a bad step into `folder`, for inspection; return the file.

    rollbacks: how often the run went back before. indices: a step, counted from 0 -> indices into the store
    of its images. Weights that went bad in a step show in the next one's losses: the file names the images of
    both steps.
    """
    path = folder / f"step_{error.step:06d}_rollback_{rollbacks}.json"
    losses = {name: loss if math.isfinite(loss) else str(loss) for name, loss in error.losses.items()}
    numbers = {
        "losses_were_finite_in_step": error.after,
        "step": error.step,
        "rollbacks_before": rollbacks,
        "losses": losses,
        "variables": error.variables,
        "images": {step: indices(step - 1).tolist() for step in (error.step - 1, error.step) if step > 0},
    }
    write_json(path, numbers)
    return path
