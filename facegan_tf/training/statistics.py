"""Mean and minimum of each loss over every step of a run, not only over the logged ones."""

from typing import Any

from facegan_tf.training.step_callback import Logs, StepCallback


class LossStatistics(StepCallback):
    """Keeps, of each named loss, the mean over the run's steps, the minimum, and the step of the minimum.

    `state` holds it all as JSON values; a run resumed from a checkpoint continues from the state saved there.
    """

    def __init__(self, state: dict[str, Any] | None = None):
        super().__init__()
        self.state = state or {"steps": 0, "sums": {}, "minima": {}}

    def after_steps(self, before: int, after: int, logs: Logs) -> None:
        """Add this step's losses."""
        sums, minima = self.state["sums"], self.state["minima"]
        self.state["steps"] += 1
        for name, loss in logs.items():
            sums[name] = sums.get(name, 0.0) + loss
            if name not in minima or loss < minima[name]["loss"]:
                minima[name] = {"loss": loss, "step": after}

    def summary(self) -> dict[str, dict[str, float]]:
        """By the losses' names: `mean`, `minimum` and `minimum_step`; empty before the first step."""
        return {
            name: {
                "mean": total / self.state["steps"],
                "minimum": self.state["minima"][name]["loss"],
                "minimum_step": self.state["minima"][name]["step"],
            }
            for name, total in self.state["sums"].items()
        }

    def describe(self) -> list[str]:
        """The summary as text, a line for each loss."""
        return [
            f"{name:<16} mean {loss['mean']:.4f} over {self.state['steps']:,} steps, "
            f"minimum {loss['minimum']:.4f} at step {loss['minimum_step']}"
            for name, loss in self.summary().items()
        ]
