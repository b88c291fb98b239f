"""Mean and minimum of both losses over a run, over every step and not just those that are logged."""

from typing import Any

import keras


class LossStatistics(keras.callbacks.Callback):
    """Keeps, of each loss: the mean over the run's steps, the minimum, and the step that had it.

    `state` is all of it as JSON values; a run that goes on from a checkpoint goes on from its state.
    """

    def __init__(self, state: dict[str, Any] | None = None):
        super().__init__()
        self.state = state or {"steps": 0, "sums": {}, "minima": {}}

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Take this step's losses in."""
        sums, minima = self.state["sums"], self.state["minima"]
        self.state["steps"] += 1
        for name, loss in (logs or {}).items():
            sums[name] = sums.get(name, 0.0) + loss
            if name not in minima or loss < minima[name]["loss"]:
                minima[name] = {"loss": loss, "step": batch + 1}

    def summary(self) -> dict[str, dict[str, float]]:
        """Of each net: `mean`, `minimum` and `minimum_step`; empty before the first step."""
        return {
            name: {
                "mean": total / self.state["steps"],
                "minimum": self.state["minima"][name]["loss"],
                "minimum_step": self.state["minima"][name]["step"],
            }
            for name, total in self.state["sums"].items()
        }

    def describe(self) -> list[str]:
        """The summary in words, a line for each net."""
        return [
            f"{net:<16} mean loss {loss['mean']:.4f} over {self.state['steps']:,} steps, "
            f"minimum {loss['minimum']:.4f} in step {loss['minimum_step']}"
            for net, loss in self.summary().items()
        ]
