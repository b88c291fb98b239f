"""The description of a metric, which everything that computes or shows scores reads."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from facegan_tf.evaluation.sides import Sides


@dataclass(frozen=True)
class Score:
    """What a metric computed: JSON values."""

    value: float
    parts: dict[str, float] = field(default_factory=dict)
    """Further numbers, by suffix: `{"std": 0.1}` of `kid` appears among the scores as `kid_std`."""
    of_reference: float | None = None
    """The reals' own score, for a metric whose score means little without it."""
    settings: dict[str, int] = field(default_factory=dict)
    """How the score was computed. Scores whose settings differ can't be compared."""
    warnings: list[str] = field(default_factory=list)
    """Why the score should not be trusted, a sentence each."""


@dataclass(frozen=True)
class Metric:
    """A metric. To add one, write a module that defines one, and list it in `metrics.METRICS`."""

    name: str
    """Name in commands, settings and records. No metric's name may begin with another's and `_`."""
    meaning: str
    """Meaning of a score, in a few plain words."""
    compute: Callable[[Sides], Score]
    needs_features: bool
    """Whether it needs a feature network."""
    better: Literal["lower", "higher"] | None
    """Which scores are better; None if neither."""
    digits: str = "{:.4f}"
    """Format of a score, for people."""
    min_count: int = 2
    """Fewest images that each side must have."""
    while_training: bool = True
    """Whether it is computed when a run is scored during training."""

    def is_better(self, score: float, other: float) -> bool:
        """Whether `score` is better than `other`; never, for a metric without a direction."""
        match self.better:
            case "lower":
                return score < other
            case "higher":
                return score > other
        return False

    def best(self, scores: list[float]) -> int:
        """The index of the best score, the first if several are equal; the metric must have a direction."""
        assert self.better is not None
        return scores.index(min(scores) if self.better == "lower" else max(scores))
