"""The share of a batch that one of several devices computes."""

from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf


class Share(NamedTuple):
    """Share `number` of `of` equal shares of every batch."""

    number: int | tf.Tensor
    of: int

    def rows(self, batch_size: int, batches: int = 1) -> tf.Tensor:
        """Indices of this share's rows in `batches` batches, one after the other: int64 [R], ascending.

        batch_size: rows of each batch, a multiple of `of`. The share has the same rows in each batch.
        """
        size = batch_size // self.of
        first = tf.cast(self.number, tf.int64) * size + tf.range(batches, dtype=tf.int64) * batch_size
        return tf.reshape(first[:, None] + tf.range(size, dtype=tf.int64), [-1])


WHOLE = Share(0, 1)


class Rows:
    """The rows of some shares, which take turns in each step: share 0, share 1, ..., share 0 again."""

    def __init__(self, shares: Sequence[Share], batch_size: int, batches: int = 1):
        """batch_size, batches: as in `Share.rows`."""
        self._rows = None
        if list(shares) != [WHOLE]:
            self._rows = tf.stack([share.rows(batch_size, batches) for share in shares])

    def of(self, values: tf.Tensor, place: tf.Tensor) -> tf.Tensor:
        """The rows, out of the values of whole batches, that belong to the share at `place` among these."""
        return values if self._rows is None else tf.gather(values, self._rows[place])


def turns(start_step: int, shares: Sequence[Share]) -> tf.data.Dataset:
    """An endless data set of turns from `start_step` on: (step, place among the shares), int64."""
    count = len(shares)
    numbers = tf.data.Dataset.range(start_step * count, tf.int64.max)
    return numbers.map(lambda number: (number // count, number % count))
