"""Ends of a run in the middle of it, for the tests."""

import keras


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
