"""What a run learns from, batch after batch: a pure function of (store, seed, step).

The images of all epochs form one endless sequence; image number p is place p % n in the shuffle of
epoch p // n. Batch k holds the numbers k * B to (k + 1) * B - 1, so every image comes exactly once
an epoch, no batch is short, and batch k needs none of those before it.
"""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from facegan_tf.common import draws
from facegan_tf.common.share import WHOLE, Rows, Share, turns
from facegan_tf.config.settings import Config
from facegan_tf.data.store import FaceStore

READY = 4
"""Number of batches prepared while a step runs."""


class TrainingSet:
    """The images of a run, the first ones of a store, and the order in which the run sees them."""

    def __init__(
        self,
        store: FaceStore,
        batch_size: int,
        seed: int,
        *,
        limit: int | None = None,
        flip: bool = False,
        stream: draws.Stream = draws.Stream.SHUFFLE,
    ):
        """limit: use only the store's first images. flip: mirror each image with probability 1/2.

        stream: each stream shuffles the images in an order of its own.
        """
        self.store = store
        self.batch_size = batch_size
        self.seed = seed
        self.flip = flip
        self.stream = stream
        self._count = len(store) if limit is None else min(limit, len(store))

    @classmethod
    def of(cls, config: Config, store: FaceStore) -> "TrainingSet":
        """The images of `store` that the discriminator of a run of this config learns from."""
        count, data = config.data.training_count(len(store)), config.data
        return cls(store, config.training.images_per_step, config.seed, limit=count, flip=data.flip)

    def in_other_order(self, batch_size: int) -> "TrainingSet":
        """The same images in other batches, for a generator's loss that compares its fakes with reals."""
        stream = draws.Stream.GENERATOR_SHUFFLE
        return TrainingSet(self.store, batch_size, self.seed, limit=len(self), flip=self.flip, stream=stream)

    def __len__(self) -> int:
        """The number of different images: the length of an epoch."""
        return self._count

    def first(self, count: int) -> np.ndarray:
        """The first `count` images by name, or all if there are fewer: uint8 [N, S, S, 3]."""
        return self.store.gather(np.arange(min(count, len(self))))

    def indices(self, step: int | tf.Tensor) -> tf.Tensor:
        """Indices into the store of the images of batch `step`: int64 [batch_size]."""
        step = tf.cast(step, tf.int64)
        positions = step * self.batch_size + tf.range(self.batch_size, dtype=tf.int64)
        return shuffled_indices(positions, len(self), self.seed, self.stream)

    def batches(
        self, start_step: int = 0, shares: Sequence[Share] = (WHOLE,), parts: int = 1
    ) -> tf.data.Dataset:
        """Endless batches from `start_step` on: float32 [batch_size, S, S, 3] in [-1, 1].

        shares: these shares of each batch, one after the other, instead of the whole. parts: how many equal
        batches each batch consists of; a share has its part of each.
        """
        rows = Rows(shares, self.batch_size // parts, parts)
        self.store.expect_scattered_reads()

        def load(step: tf.Tensor, place: tf.Tensor) -> tf.Tensor:
            indices = rows.of(self.indices(step), place)
            images = tf.numpy_function(self.store.gather, [indices], tf.uint8, stateful=False)
            images = tf.ensure_shape(images, [indices.shape[0], self.store.size, self.store.size, 3])
            images = _scale(images)
            if not self.flip:
                return images
            chance = draws.uniform(self.seed, step, draws.Stream.FLIP, [self.batch_size, 1, 1, 1])
            return tf.where(rows.of(chance, place) < 0.5, tf.reverse(images, axis=[2]), images)

        ready = turns(start_step, shares).map(load, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
        return ready.prefetch(READY * len(shares)).with_options(draws.untuned())


def shuffled_indices(
    positions: tf.Tensor, count: int, seed: int, stream: draws.Stream = draws.Stream.SHUFFLE
) -> tf.Tensor:
    """Indices into the store for positions int64 [B] in the endless sequence; takes constant memory."""
    epochs, places = positions // count, positions % count
    streams = tf.fill(tf.shape(epochs), tf.constant(int(stream), tf.int64))
    seeds = tf.stack([tf.fill(tf.shape(epochs), tf.constant(seed, tf.int64)), epochs, streams], axis=1)
    # tf.random.experimental.index_shuffle takes one epoch at a time; a batch may span two.
    return tf.raw_ops.RandomIndexShuffle(
        index=places, seed=seeds, max_index=tf.constant(count - 1, tf.int64), rounds=4
    )


def _scale(images: tf.Tensor) -> tf.Tensor:
    """uint8 -> float32 in [-1, 1]: x / 127.5 - 1, in one pass over memory, not one per operation."""
    return tf.quantization.dequantize(tf.bitcast(images, tf.quint8), -1.0, 1.0, mode="MIN_COMBINED")
