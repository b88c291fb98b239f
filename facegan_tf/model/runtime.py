"""The devices that a GAN is computed on: one, several of this machine, or those of several machines.

All code uses the same interface, even with one device.
"""

import contextlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from facegan_tf.common.share import Share
from facegan_tf.model.replica import Replica, computing_on


class Runtime:
    """One device, or the replicas of a TensorFlow strategy, each with a share of every batch."""

    def __init__(self, strategy: tf.distribute.Strategy | None = None, worker: int = 0, workers: int = 1):
        """strategy: None for one device. worker: number of this process among `workers`; 0 is the chief."""
        self.strategy = strategy
        self.worker, self.workers = worker, workers
        self.replicas: int = 1 if strategy is None else strategy.num_replicas_in_sync
        self._gather = tf.function(self._gather_in_graph)

    @property
    def is_chief(self) -> bool:
        """Whether this process writes the run directory; no other does."""
        return self.worker == 0

    @property
    def shares(self) -> list[Share]:
        """The shares of this process, in the order of its devices."""
        local = self.replicas // self.workers
        return [Share(self.worker * local + place, self.replicas) for place in range(local)]

    def scope(self) -> contextlib.AbstractContextManager:
        """In the block, new variables have a copy on each device."""
        return contextlib.nullcontext() if self.strategy is None else self.strategy.scope()

    def iterate(self, inputs: Callable[[Sequence[Share]], tf.data.Dataset]) -> Any:
        """An iterator for `run`. inputs: shares -> an endless dataset of each step's inputs, by share."""
        if self.strategy is None:
            return iter(inputs(self.shares))
        # If inputs could end, the workers would ask each other in every step whether there are any left.
        endless = tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY)
        own = inputs(self.shares).apply(endless)
        return iter(self.strategy.distribute_datasets_from_function(lambda _: own))

    def run(
        self,
        step: Callable[[Any], dict[str, tf.Tensor]],
        inputs: Any,
        batch_size: int,
        penalised: bool | None = None,
    ) -> dict[str, tf.Tensor]:
        """Run a step on each replica, within a graph; return the results, which are the same on each.

        inputs: from the iterator. batch_size, penalised: as in `Replica`.
        """
        if self.strategy is None:
            return step(inputs)
        strategy = self.strategy

        def on_replica(own: Any) -> dict[str, tf.Tensor]:
            index = tf.distribute.get_replica_context().replica_id_in_sync_group
            with computing_on(Replica(Share(index, self.replicas), batch_size, penalised)):
                return step(own)

        results = strategy.run(on_replica, args=(inputs,))
        return {name: strategy.experimental_local_results(each)[0] for name, each in results.items()}

    def agree(self, count: int, stops: bool) -> tuple[int, bool]:
        """The chief's count, and whether any worker wants to stop. All workers call this at the same time."""
        everyones = self.gather(count, stops)
        return int(everyones[0, 0]), bool(everyones[:, 1].any())

    def wait_for_all(self) -> None:
        """Return when all workers have called this."""
        self.gather(0)  # with nothing to add up, TensorFlow wouldn't wait

    def gather(self, *numbers: int) -> np.ndarray:
        """The numbers of every worker, int64 [workers, numbers]. All workers call this at the same time.

        numbers: one or more.
        """
        if self.workers == 1:
            return np.array([numbers], np.int64)
        return self._gather(tf.constant(numbers, tf.int64)).numpy()

    def _gather_in_graph(self, numbers: tf.Tensor) -> tf.Tensor:
        assert self.strategy is not None

        def on_replica() -> tf.Tensor:
            context = tf.distribute.get_replica_context()
            index = tf.cast(context.replica_id_in_sync_group, tf.int64)
            row = tf.one_hot(index, self.replicas, dtype=tf.int64)
            return context.all_reduce(tf.distribute.ReduceOp.SUM, row[:, None] * numbers)

        rows = self.strategy.experimental_local_results(self.strategy.run(on_replica))[0]
        return rows[:: self.replicas // self.workers]


ONE_DEVICE = Runtime()
