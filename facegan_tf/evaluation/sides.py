"""The two sides of an evaluation: generated images, and the real ones they are scored against."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

import numpy as np

from facegan_tf.data.store import FaceStore

T = TypeVar("T")


@dataclass
class Sides:
    """What metrics are computed from, and results that several of them share."""

    generated: np.ndarray
    """uint8 [N, S, S, 3]."""
    store: FaceStore
    """The reference. Its first N images are the other side."""
    searched: FaceStore
    """The images among which copies are looked for: those learned from, or else the whole reference."""
    seed: int
    """Decides which subsets, pairs, patches and directions are drawn."""
    generated_features: np.ndarray | None = None
    """float32 [N, D]; None without a feature network."""
    reference_features: np.ndarray | None = None
    """float32 [N, D]; None without a feature network."""
    _shared: dict[Callable[["Sides"], Any], Any] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def reference(self) -> np.ndarray:
        """The first N real images, uint8 [N, S, S, 3]."""
        return self.store.gather(np.arange(len(self.generated)))

    @property
    def features(self) -> tuple[np.ndarray, np.ndarray]:
        """The features of the generated images and those of the reference, each float32 [N, D]."""
        assert self.generated_features is not None and self.reference_features is not None
        return self.generated_features, self.reference_features

    def shared(self, compute: Callable[["Sides"], T]) -> T:
        """The result of `compute(sides)`, computed once, for metrics that need the same numbers."""
        if compute not in self._shared:
            self._shared[compute] = compute(self)
        return self._shared[compute]
