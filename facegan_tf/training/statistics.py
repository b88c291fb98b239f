"""Mean and minimum of each loss over all steps of a run, not only the logged ones."""

import math

from facegan_tf.training.step_callback import Logs, StepCallback


class LossStatistics(StepCallback):
    """For each loss, keeps the sum over the steps that computed it, the minimum, and the step of the minimum.

    `state` holds them as JSON values by the name of the loss. A run resumed from a checkpoint continues from
    the state saved there.
    """

    def __init__(self, state: dict[str, dict[str, float]] | None = None):
        super().__init__()
        self.state = state or {}

    def after_steps(self, before: int, after: int, logs: Logs) -> None:
        """Add the losses of each step."""
        for step, losses in self.each_step(after):
            for name, loss in losses.items():
                known = self.state.setdefault(
                    name, {"sum": 0.0, "steps": 0, "minimum": math.inf, "minimum_step": step}
                )
                known["sum"] += loss
                known["steps"] += 1
                if loss < known["minimum"]:
                    known |= {"minimum": loss, "minimum_step": step}

    def summary(self) -> dict[str, dict[str, float]]:
        """By the losses' names: `mean`, `minimum` and `minimum_step`; empty before the first step."""
        return {
            name: {
                "mean": known["sum"] / known["steps"],
                "minimum": known["minimum"],
                "minimum_step": known["minimum_step"],
            }
            for name, known in self.state.items()
        }

    def describe(self) -> list[str]:
        """The summary as text, a line for each loss."""
        lines = []
        for name, loss in self.summary().items():
            steps = self.state[name]["steps"]
            lines.append(
                f"{name:<16} mean {loss['mean']:.4f} over {steps:,} step{'s' * (steps != 1)}, "
                f"minimum {loss['minimum']:.4f} at step {loss['minimum_step']}"
            )
        return lines
