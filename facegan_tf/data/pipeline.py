"""The input pipeline: (store, seed, start step) -> batches, a pure function of the step number.

The images of all epochs form one endless sequence; image number p is place p % n in the shuffle of
epoch p // n. Batch k holds the numbers k * B to (k + 1) * B - 1, so every image comes exactly once
an epoch, no batch is short, and any batch can be had without those before it.
"""

import tensorflow as tf

from facegan_tf.common import draws
from facegan_tf.data.store import FaceStore

READY = 4
"""Batches that are made while a step runs."""


def batches(
    store: FaceStore,
    batch_size: int,
    seed: int,
    start_step: int = 0,
    *,
    limit: int | None = None,
    flip: bool = False,
) -> tf.data.Dataset:
    """Endless batches float32 [batch_size, S, S, 3] in [-1, 1], the first being number `start_step`.

    limit: use only the store's first so many images. flip: mirror each image with probability 1/2.
    """
    count = min(limit or len(store), len(store))

    def indices(step: tf.Tensor) -> tf.Tensor:
        return shuffled_indices(step * batch_size + tf.range(batch_size, dtype=tf.int64), count, seed)

    def load(step: tf.Tensor) -> tf.Tensor:
        images = tf.numpy_function(store.gather, [indices(step)], tf.uint8, stateful=False)
        images = tf.ensure_shape(images, [batch_size, store.size, store.size, 3])
        images = _scale(images)
        return _flip_some(images, seed, step) if flip else images

    steps = tf.data.Dataset.range(start_step, tf.int64.max)
    ready = steps.map(load, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True).prefetch(READY)
    return ready.with_options(draws.untuned())


def shuffled_indices(positions: tf.Tensor, count: int, seed: int) -> tf.Tensor:
    """Store index of each position int64 [B] in the endless sequence; memory does not grow with count."""
    epochs, places = positions // count, positions % count
    stream = tf.fill(tf.shape(epochs), tf.constant(int(draws.Stream.SHUFFLE), tf.int64))
    seeds = tf.stack([tf.fill(tf.shape(epochs), tf.constant(seed, tf.int64)), epochs, stream], axis=1)
    # tf.random.experimental.index_shuffle takes one epoch at a time; a batch may span two.
    return tf.raw_ops.RandomIndexShuffle(
        index=places, seed=seeds, max_index=tf.constant(count - 1, tf.int64), rounds=4
    )


def _scale(images: tf.Tensor) -> tf.Tensor:
    """uint8 -> float32 in [-1, 1]: x / 127.5 - 1, in one pass over memory, not one each operation."""
    return tf.quantization.dequantize(tf.bitcast(images, tf.quint8), -1.0, 1.0, mode="MIN_COMBINED")


def _flip_some(images: tf.Tensor, seed: int, step: tf.Tensor) -> tf.Tensor:
    chance = draws.uniform(seed, step, draws.Stream.FLIP, [images.shape[0], 1, 1, 1])
    return tf.where(chance < 0.5, tf.reverse(images, axis=[2]), images)
