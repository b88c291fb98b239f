"""The inputs of a training step."""

from typing import NamedTuple

import tensorflow as tf


class StepInputs(NamedTuple):
    """The inputs of one step; N: batch size, K: updates of the discriminator in a step, L: latents."""

    reals: tf.Tensor
    """float32 [KN, S, S, 3] in [-1, 1], which the discriminator learns from."""
    latents_d: tf.Tensor
    """N(0, 1) float32 [KN, L], for the fakes that the discriminator learns from."""
    latents_g: tf.Tensor
    """N(0, 1) float32 [N, L], for the fakes that the generator learns from."""
    label_noise: tf.Tensor
    """U(0, 1) float32 [2KN, 1], for the targets of the discriminator's fakes and reals."""
    reals_g: tf.Tensor
    """float32 [N, S, S, 3]: other reals, if the generator's loss takes reals; else the last of `reals`."""
