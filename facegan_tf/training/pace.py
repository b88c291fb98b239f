"""Decides how many steps the next call makes."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from facegan_tf.config.settings import Config

CALL_SECONDS = 1.0
"""About how many seconds a call takes if nothing ends it earlier. Signals wait for its end."""


class Pace:
    """Chooses the length of calls: they end where something is due, or else after about a second."""

    def __init__(self, config: Config, epoch_images: int, total_steps: int, steps_per_call: int | None):
        """epoch_images: images per epoch. steps_per_call: most steps; None: about a second of them."""
        self._training = config.training
        self._every = [
            config.training.log_every,
            config.training.checkpoint_every,
            config.grids.every,
            *([config.evaluation.every] if config.evaluation.every else []),
        ]
        self._epoch_images, self._total_steps = epoch_images, total_steps
        self._steps_per_call = steps_per_call
        self._seconds_per_step: float | None = None

    def next_count(self, step: int) -> int:
        """Steps of the call after `step` steps: until something is due or the epoch or run ends, or fewer."""
        end = min(self._total_steps, self._epoch_end(step), *((step // n + 1) * n for n in self._every))
        most = self._steps_per_call
        if most is None:
            fast = self._seconds_per_step is not None and self._seconds_per_step < CALL_SECONDS
            most = int(CALL_SECONDS / self._seconds_per_step) if fast and self._seconds_per_step else 1
        return min(most, end - step)

    @contextmanager
    def timed(self, count: int) -> Iterator[None]:
        """Measure a call of `count` steps."""
        began = time.perf_counter()
        yield
        self._seconds_per_step = (time.perf_counter() - began) / count

    def epoch(self, step: int) -> int:
        """Number of whole epochs after `step` steps."""
        return self._training.whole_epochs(step, self._epoch_images)

    def begins_epoch(self, step: int) -> bool:
        """Whether the step after `step` steps is the first that starts in its epoch."""
        return step * self._training.images_per_step % self._epoch_images < self._training.images_per_step

    def _epoch_end(self, step: int) -> int:
        """The step that completes the current epoch."""
        return -(-(self.epoch(step) + 1) * self._epoch_images // self._training.images_per_step)
