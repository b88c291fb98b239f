"""The error for losses or weights that are NaN or infinite."""

import math
from typing import Any

from facegan_tf.common.errors import FaceganError


class NonFiniteError(FaceganError):
    """Losses or weights are NaN or infinite, so training can't continue from them."""

    def __init__(self, after: int, step: int, losses: dict[str, float], variables: dict[str, Any]):
        """after: the last step known to be finite. step: the first one that is not.

        losses: of step `step`, by name. variables: as `nonfinite_variables` returns them.
        """
        bad_losses = [f"{name} is {loss}" for name, loss in losses.items() if not math.isfinite(loss)]
        what = ", ".join(bad_losses) or f"weights are not finite: {', '.join(variables)}"
        super().__init__(f"training went bad between step {after} and step {step}: {what}")
        self.after, self.step, self.losses, self.variables = after, step, losses, variables
