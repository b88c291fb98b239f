"""How long a run has trained, over all its sessions."""

import time

import keras


class Clock(keras.callbacks.Callback):
    """Counts the seconds of training, on from those of earlier sessions."""

    def __init__(self, before: float = 0.0):
        """before: seconds of the sessions that led to the checkpoint that is gone on from."""
        super().__init__()
        self.before = before
        self.began = time.perf_counter()

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Start."""
        self.began = time.perf_counter()

    @property
    def seconds(self) -> float:
        """So far."""
        return self.before + time.perf_counter() - self.began
