"""The callback that counts steps: the base of all callbacks that write."""

from collections.abc import Iterator

import keras

Logs = dict[str, float]
"""The losses of the last step, by name."""


class StepCallback(keras.callbacks.Callback):
    """Calls `after_steps` after each call of the training step, which may make one step or several.

    The GAN is `self.model`, with `generator`, `discriminator`, `sampler`, `steps_done`, `recent_losses`
    (those of each step of the last call) and `stop_training`. It is not a keras.Model, so Keras callbacks
    that save or alter the model itself (ModelCheckpoint, LearningRateScheduler) don't work on it.
    """

    _before = 0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Note the step at which the session starts."""
        self._before = self.model.steps_done

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """batch: index of the last step made, from 0; `batch + 1` steps are done."""
        before, self._before = self._before, batch + 1
        self.after_steps(before, batch + 1, logs or {})

    def after_steps(self, before: int, after: int, logs: Logs) -> None:
        """`after` steps are done, `before` at the last call. logs: losses of the last step, by name."""
        raise NotImplementedError

    def each_step(self, after: int) -> Iterator[tuple[int, Logs]]:
        """(step, losses by name) of each step of the last call. Only some steps have lazy penalties."""
        losses = self.model.recent_losses
        yield from enumerate(losses, start=after - len(losses) + 1)
