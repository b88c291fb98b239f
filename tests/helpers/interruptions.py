"""Callbacks that end or spoil a training."""

import keras
import numpy as np


class StopAfter(keras.callbacks.Callback):
    """Asks the training to stop after step number `step`, counted from 1."""

    def __init__(self, step):
        super().__init__()
        self.step = step

    def on_train_batch_end(self, batch, logs=None):
        if batch + 1 == self.step:
            self.model.stop_training = True


class Crash(keras.callbacks.Callback):
    """Raises an error at the end of step number `step`, after our own callbacks have run."""

    def __init__(self, step):
        super().__init__()
        self.step = step

    def on_train_batch_end(self, batch, logs=None):
        if batch + 1 == self.step:
            raise RuntimeError("pulled the plug")


class Poison(keras.callbacks.Callback):
    """Sets a weight of the discriminator to NaN before each of these batches, counted from 0."""

    def __init__(self, *batches, times=10**9):
        """times: how many times in all."""
        super().__init__()
        self.batches, self.times = batches, times

    def on_train_batch_begin(self, batch, logs=None):
        if batch in self.batches and self.times:
            self.times -= 1
            weight = self.model.discriminator.weights[0]
            weight.assign(weight.numpy() * np.nan)
