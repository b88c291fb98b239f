"""NaN and infinity: noticed at once, told with the steps between which they came, kept for inspection."""

import math
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np

from facegan_tf.common.files import write_json
from facegan_tf.model.finite import NonFiniteError, nonfinite_variables


class NonFiniteGuard(keras.callbacks.Callback):
    """Raises NonFiniteError after a step that has a bad loss.

    It comes before the callbacks that write: nothing of such a step is logged, drawn or saved. Weights that
    went bad in a step show in the next one's losses, or when they are to be saved.
    """

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Check this step's losses."""
        losses = dict(logs or {})
        if not all(map(math.isfinite, losses.values())):
            raise NonFiniteError(batch, batch + 1, losses, nonfinite_variables(self.model))


def keep_numbers(
    folder: Path, error: NonFiniteError, rollbacks: int, indices: Callable[[int], np.ndarray]
) -> Path:
    """Write a bad step's numbers into `folder`, for inspection; return the file.

    rollbacks: how many there were before. indices: of a step, counted from 0, the places in the store of its
    images. Weights that went bad in a step show in the next one's losses: the file names both steps' images.
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
