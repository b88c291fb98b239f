"""How long a run has trained, over all its sessions."""

import time

import keras


class Clock(keras.callbacks.Callback):
    """Counts the seconds of training, starting from those of earlier sessions."""

    def __init__(self, earlier: float = 0.0):
        """earlier: seconds that led to the checkpoint being resumed."""
        super().__init__()
        self.earlier = earlier
        self.began = time.perf_counter()

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Start the clock."""
        self.began = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Seconds trained so far."""
        return self.earlier + time.perf_counter() - self.began
