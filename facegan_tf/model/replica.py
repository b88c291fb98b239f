"""The current replica: one of several devices, each of which has a share of every batch.

Each replica has a copy of all variables, and makes the same update to its own copy. What depends on the whole
batch, such as gradients and the statistics of batch normalisation, is added up over all replicas here. None
of this appears in the graph for one device.
"""

import contextlib
import contextvars
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import tensorflow as tf

from facegan_tf.common.share import Share
from facegan_tf.model.precision import as_other_replicas_compute


class Replica(NamedTuple):
    """One of several replicas."""

    share: Share
    """Its share of every batch."""
    batch_size: int
    """Images in a batch, over all replicas."""
    penalised: bool | None = None
    """Whether this step has the lazy penalties; None: there are no lazy penalties.

    Decided before the replicas' graphs are built: what is computed over all replicas can't depend on a
    condition inside them.
    """

    def rows_of(self, count: int) -> tuple[int, tf.Tensor]:
        """For `count` rows on this replica: the number of rows on all replicas, and the indices of these.

        The rows may be those of several batches, such as the fakes and the reals.
        """
        batches = count * self.share.of // self.batch_size
        return batches * self.batch_size, self.share.rows(self.batch_size, batches)


_current: contextvars.ContextVar[Replica | None] = contextvars.ContextVar("replica", default=None)


def current_replica() -> Replica | None:
    """The replica whose graph is being built; None if there is only one."""
    return _current.get()


@contextlib.contextmanager
def computing_on(replica: Replica) -> Iterator[None]:
    """In the block, the graph of this replica is built."""
    token = _current.set(replica if replica.share.of > 1 else None)
    try:
        yield
    finally:
        _current.reset(token)


def sum_over_replicas(values: Sequence[tf.Tensor]) -> list[tf.Tensor]:
    """The sums over all replicas; gradients of any order flow through them."""

    @tf.custom_gradient
    def summed(*parts: tf.Tensor) -> tuple[list[tf.Tensor], object]:
        context = tf.distribute.get_replica_context()
        with as_other_replicas_compute():
            sums = context.all_reduce(tf.distribute.ReduceOp.SUM, list(parts))
        # TensorFlow's own gradient of this is not differentiable.
        return sums, lambda *upstream: sum_over_replicas(upstream)

    return list(summed(*values))


def part_of_mean(value: tf.Tensor) -> tf.Tensor:
    """What this replica's mean contributes to that of the whole batch; `add_up` sums these parts."""
    replica = current_replica()
    return value if replica is None else value / tf.cast(replica.share.of, value.dtype)


def add_up(values: Sequence[tf.Tensor]) -> list[tf.Tensor]:
    """The sums over all replicas; the values themselves if there is one. No gradients flow through."""
    if current_replica() is None:
        return list(values)
    context = tf.distribute.get_replica_context()
    sums = list(values)
    for dtype in sorted({value.dtype.name for value in values}):  # TensorFlow adds up one type at a time
        places = [place for place, value in enumerate(values) if value.dtype.name == dtype]
        totals = context.all_reduce(tf.distribute.ReduceOp.SUM, [values[place] for place in places])
        for place, total in zip(places, totals, strict=True):
            sums[place] = total
    return sums


def moments_of_whole_batch(mean: tf.Tensor, variance: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The mean and the variance over all replicas, from those over this one. Gradients flow through them."""
    replica = current_replica()
    if replica is None:
        return mean, variance
    own = tf.stack([mean, variance])
    place = tf.one_hot(replica.share.number, replica.share.of, dtype=own.dtype)
    # The sum puts those of all replicas side by side: each adds its own in its place, and 0 elsewhere.
    [each] = sum_over_replicas([tf.reshape(place, [-1, *[1] * len(own.shape)]) * own])
    means, variances = tf.unstack(each, axis=1)
    mean = tf.reduce_mean(means, axis=0)
    return mean, tf.reduce_mean(variances + tf.square(means - mean), axis=0)
