"""Ends of a run in the middle of it, for the tests."""

import keras
import numpy as np


class StopAfter(keras.callbacks.Callback):
    """Ask for the end after so many steps."""

    def __init__(self, steps):
        super().__init__()
        self.steps = steps

    def on_train_batch_end(self, batch, logs=None):
        if batch + 1 == self.steps:
            self.model.stop_training = True


class Crash(keras.callbacks.Callback):
    """Die in a step, after all that is done at its end."""

    def __init__(self, step):
        super().__init__()
        self.step = step

    def on_train_batch_end(self, batch, logs=None):
        if batch + 1 == self.step:
            raise RuntimeError("pulled the plug")


class Poison(keras.callbacks.Callback):
    """Make one weight of a net NaN before some steps."""

    def __init__(self, *batches, times=10**9):
        """times: how often in all."""
        super().__init__()
        self.batches, self.times = batches, times

    def on_train_batch_begin(self, batch, logs=None):
        if batch in self.batches and self.times:
            self.times -= 1
            weight = self.model.discriminator.weights[0]
            weight.assign(weight.numpy() * np.nan)
