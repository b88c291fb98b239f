"""How far a run has got, and the current values of scheduled settings, as tensors."""

import math

import keras
import tensorflow as tf

from facegan_tf.config.schedule import Number, Schedule


class RunClock:
    """Counts a run's steps in a variable, so that schedules follow it inside TensorFlow's graphs."""

    def __init__(self, images_per_step: int):
        """images_per_step: reals seen in each step."""
        self.images_per_step = images_per_step
        self.step = tf.Variable(0, dtype=tf.int64, trainable=False, name="step")
        """Steps done. It is part of the GAN's state."""
        self.total_steps = tf.Variable(0, dtype=tf.int64, trainable=False, name="total_steps")
        """The run's length; 0 if it is not known: then no schedule can cover the whole run."""

    def images_seen(self) -> tf.Tensor:
        """Reals seen before this step: int64."""
        return self.step * self.images_per_step

    def value_of(self, setting: Number) -> tf.Tensor | float:
        """The value of a setting in this step: a constant as it is, a schedule as a floatx scalar."""
        if not isinstance(setting, Schedule):
            return setting
        length = self.total_steps * self.images_per_step if setting.images is None else setting.images
        share = tf.cast(self.images_seen(), tf.float64) / tf.cast(tf.maximum(length, 1), tf.float64)
        share = tf.minimum(share, 1.0)
        if setting.by == "cosine":
            share = (1.0 - tf.cos(math.pi * share)) / 2.0
        return tf.cast(setting.from_ + (setting.to - setting.from_) * share, keras.config.floatx())
