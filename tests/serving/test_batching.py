"""The queue and the thread that draws for all requests."""

import threading
import time
from concurrent.futures import wait

import numpy as np
import pytest

from facegan_tf.serving.batching import Batcher, QueueFullError


class Gate:
    """Draws each face as its latent's number; waits until it is opened, and keeps what it was given."""

    def __init__(self, opened=True):
        self.opened, self.entered, self.batches = threading.Event(), threading.Event(), []
        if opened:
            self.opened.set()

    def draw(self, latents):
        self.entered.set()
        assert self.opened.wait(10)
        self.batches.append(latents[:, 0].tolist())
        if (latents < 0).any():
            raise ValueError("negative")
        return np.broadcast_to(latents[:, 0, None, None, None], (len(latents), 2, 2, 3)).astype(np.uint8)


def rows(*numbers):
    return np.array(numbers, np.float32)[:, np.newaxis]


def drawn(future):
    return future.result(10)[:, 0, 0, 0].tolist()


@pytest.fixture
def held():
    """A batcher whose generator is drawing the face 99, and waits."""
    gate = Gate(opened=False)
    batcher = Batcher(gate.draw, batch=4, capacity=10)
    first = batcher.submit(rows(99))
    assert gate.entered.wait(10)
    yield gate, batcher
    gate.opened.set()
    batcher.close()
    wait([first], 10)


def test_requests_share_batches_and_take_turns(held):
    gate, batcher = held
    large, small, other = (
        batcher.submit(rows(*range(6))),
        batcher.submit(rows(50)),
        batcher.submit(rows(60, 61)),
    )
    gate.opened.set()
    assert (drawn(large), drawn(small), drawn(other)) == (list(range(6)), [50], [60, 61])
    assert gate.batches == [[99], [0, 50, 60, 1], [61, 2, 3, 4], [5]]


def test_a_full_queue_refuses_what_does_not_fit_and_takes_what_does(held):
    gate, batcher = held
    waiting = batcher.submit(rows(*range(8)))
    with pytest.raises(QueueFullError):
        batcher.submit(rows(1, 2, 3))
    fits = batcher.submit(rows(1, 2))
    assert batcher.waiting == batcher.capacity == 10
    gate.opened.set()
    assert (drawn(waiting), drawn(fits)) == (list(range(8)), [1, 2])
    assert batcher.waiting == 0


def test_what_is_cancelled_is_not_drawn_and_makes_room(held):
    gate, batcher = held
    cancelled = batcher.submit(rows(*range(10)))
    assert cancelled.cancel()
    gate.opened.set()
    for _ in range(200):
        if batcher.waiting == 0:
            break
        time.sleep(0.01)
    assert drawn(batcher.submit(rows(*range(10)))) == list(range(10))
    assert gate.batches[0] == [99] and sum(map(len, gate.batches)) == 11


def test_an_error_reaches_those_it_concerns_and_the_thread_survives():
    gate = Gate()
    batcher = Batcher(gate.draw, batch=4, capacity=10)
    with pytest.raises(ValueError, match="negative"):
        batcher.submit(rows(-1)).result(10)
    assert batcher.alive and drawn(batcher.submit(rows(3))) == [3]
    batcher.close()


def test_closing_finishes_what_is_queued_and_takes_no_more(held):
    gate, batcher = held
    queued = batcher.submit(rows(1, 2))
    batcher.close()
    with pytest.raises(QueueFullError):
        batcher.submit(rows(3))
    gate.opened.set()
    assert drawn(queued) == [1, 2]
    batcher._thread.join(10)
    assert not batcher.alive
