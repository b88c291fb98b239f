"""Random draws as pure functions of (seed, step, purpose): nothing to save, nothing to restore.

Each purpose has a stream of its own, so adding one never changes what another draws. Philox gives
the same numbers on every device.
"""

import enum
from collections.abc import Sequence

import tensorflow as tf


class Stream(enum.IntEnum):
    """What a draw is for; a number, once given, is never used for something else."""

    CRITIC_LATENTS = 0
    GENERATOR_LATENTS = 1
    LABEL_NOISE = 2
    SHUFFLE = 3
    FLIP = 4
    CONTROL_VECTORS = 5
    SAMPLES = 6
    GENERATOR_SHUFFLE = 7


_STREAM_LIMIT = 64  # room for more purposes without renumbering a single draw


def draw_seed(seed: int | tf.Tensor, step: int | tf.Tensor, stream: Stream) -> tf.Tensor:
    """The int64 [2] seed of TensorFlow's stateless draws for this (seed, step, purpose)."""
    step = tf.cast(step, tf.int64)
    return tf.stack([tf.cast(seed, tf.int64), step * _STREAM_LIMIT + int(stream)])


def normal(seed: int, step: int | tf.Tensor, stream: Stream, shape: Sequence[int]) -> tf.Tensor:
    """N(0, 1), float32."""
    return tf.random.stateless_normal(shape, draw_seed(seed, step, stream), alg="philox")


def uniform(seed: int, step: int | tf.Tensor, stream: Stream, shape: Sequence[int]) -> tf.Tensor:
    """U(0, 1), float32."""
    return tf.random.stateless_uniform(shape, draw_seed(seed, step, stream), alg="philox")


def seed_after(seed: int, rollbacks: int) -> int:
    """The seed of latents and label noise after so many rollbacks: another stream each time.

    No two coincide, for a config's seed is below 2^31.
    """
    return seed + rollbacks * 2**31


def untuned() -> tf.data.Options:
    """Options of a dataset that TensorFlow doesn't tune as it runs.

    Its tuner sleeps ever longer between two looks, and a loop that is over waits for it to wake up: an
    hour's training ended 90 seconds late.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    return options


def latents_of_seeds(seeds: tf.Tensor, latent_dim: int) -> tf.Tensor:
    """One latent for each of int64 [N] seeds: float32 [N, latent_dim], N(0, 1).

    A latent depends on its own seed alone, not on what else is asked for at the same time.
    """

    def latent(seed: tf.Tensor) -> tf.Tensor:
        return tf.random.stateless_normal([latent_dim], draw_seed(seed, 0, Stream.SAMPLES), alg="philox")

    return tf.map_fn(latent, seeds, fn_output_signature=tf.TensorSpec([latent_dim], tf.float32))
