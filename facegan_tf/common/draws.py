"""Random draws as pure functions of (seed, step, purpose), so that no state must be saved or restored.

Each purpose has its own stream, so adding one never changes what another draws. Philox gives the same numbers
on every device.
"""

import enum
from collections.abc import Sequence

import tensorflow as tf


@enum.unique
class Stream(enum.IntEnum):
    """Purpose of a draw. A number, once assigned, is never used for another purpose."""

    CRITIC_LATENTS = 0
    GENERATOR_LATENTS = 1
    LABEL_NOISE = 2
    SHUFFLE = 3
    FLIP = 4
    CONTROL_VECTORS = 5
    SAMPLES = 6
    GENERATOR_SHUFFLE = 7
    AUGMENT = 8


_STREAM_LIMIT = 64  # leaves room for more purposes, which change no existing draw


def draw_seed(seed: int | tf.Tensor, step: int | tf.Tensor, stream: Stream) -> tf.Tensor:
    """The seed int64 [2] for TensorFlow's stateless draws, from this seed, step and purpose."""
    step = tf.cast(step, tf.int64)
    return tf.stack([tf.cast(seed, tf.int64), step * _STREAM_LIMIT + int(stream)])


def normal(seed: int, step: int | tf.Tensor, stream: Stream, shape: Sequence[int]) -> tf.Tensor:
    """Draws from N(0, 1), float32 of this shape."""
    return tf.random.stateless_normal(shape, draw_seed(seed, step, stream), alg="philox")


def uniform(seed: int, step: int | tf.Tensor, stream: Stream, shape: Sequence[int]) -> tf.Tensor:
    """Draws from U(0, 1), float32 of this shape."""
    return uniform_of_seed(draw_seed(seed, step, stream), shape)


def uniform_of_seed(seed: tf.Tensor, shape: Sequence[int | tf.Tensor]) -> tf.Tensor:
    """Draws from U(0, 1) for a seed int64 [2], float32 of this shape.

    Draw number i is the same in any shape. So are TensorFlow's own draws, except under XLA, which takes
    different bits of each Philox number.
    """
    bits = tf.random.stateless_uniform(shape, seed, minval=None, maxval=None, dtype=tf.int32, alg="philox")
    return tf.cast(bits & 0x7FFFFF, tf.float32) * 2.0**-23


def seed_of_part(seed: tf.Tensor, part: int) -> tf.Tensor:
    """The seed int64 [2] of part number `part` of something whose own seed is `seed`, int64 [2]."""
    return tf.random.experimental.stateless_fold_in(seed, tf.constant(part, tf.int64), alg="philox")


def seed_after(seed: int, rollbacks: int) -> int:
    """The seed of latents and label noise after this many rollbacks, a new one each time.

    No two coincide, because a config's seed is below 2^31.
    """
    return seed + rollbacks * 2**31


def untuned() -> tf.data.Options:
    """Options of a dataset that turn off TensorFlow's autotuning.

    The tuner sleeps longer and longer between measurements, and a loop can't end before it wakes up: a run of
    an hour ended 90 seconds late.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    return options


def latents_of_seeds(seeds: tf.Tensor, latent_dim: int) -> tf.Tensor:
    """One latent vector for each seed: int64 [N] to float32 [N, latent_dim], drawn from N(0, 1).

    A face's latents depend on its own seed only, not on the other seeds.
    """

    def latent(seed: tf.Tensor) -> tf.Tensor:
        return tf.random.stateless_normal([latent_dim], draw_seed(seed, 0, Stream.SAMPLES), alg="philox")

    return tf.map_fn(latent, seeds, fn_output_signature=tf.TensorSpec([latent_dim], tf.float32))
