"""Draws the faces of concurrent requests together, in batches of one size, from a bounded queue."""

import contextlib
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError

import numpy as np

WAIT = 0.003
"""How many seconds an incomplete batch waits for other requests."""


class QueueFullError(Exception):
    """The queue has no room for these faces now."""


class _Request:
    """The latents of one request, and the faces drawn so far."""

    def __init__(self, latents: np.ndarray):
        self.latents = latents
        self.faces: np.ndarray | None = None
        self.taken = 0
        self.drawn = 0
        self.future: Future[np.ndarray] = Future()

    @property
    def left(self) -> int:
        return len(self.latents) - self.taken

    def add(self, row: int, face: np.ndarray) -> None:
        if self.faces is None:
            self.faces = np.empty((len(self.latents), *face.shape), face.dtype)
        self.faces[row] = face
        self.drawn += 1
        if self.drawn == len(self.latents):
            with contextlib.suppress(InvalidStateError):  # it can be cancelled at any moment
                self.future.set_result(self.faces)

    def fail(self, error: Exception) -> None:
        with contextlib.suppress(InvalidStateError):
            self.future.set_exception(error)


class Batcher:
    """A thread that draws faces for other threads. Each batch takes one face of each request in turn.

    So a single face doesn't wait for hundreds that were queued before it.
    """

    def __init__(
        self,
        draw: Callable[[np.ndarray], np.ndarray],
        batch: int,
        capacity: int,
        observe: Callable[[int], None] = lambda _: None,
    ):
        """draw: latents [N, L] -> faces [N, S, S, 3], for N up to `batch`, in this object's thread.

        capacity: most faces that may wait. observe: called with the number of faces in each batch.
        """
        self.capacity = capacity
        self._draw, self._batch, self._observe = draw, batch, observe
        self._requests: deque[_Request] = deque()
        self._waiting = 0
        self._closed = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._work, name="drawing", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Number of faces in the queue."""
        return self._waiting

    @property
    def alive(self) -> bool:
        """Whether the thread is running."""
        return self._thread.is_alive()

    def submit(self, latents: np.ndarray) -> "Future[np.ndarray]":
        """Queue latents [N, L], with N at least 1; return the future of their faces, uint8 [N, S, S, 3].

        If the future is cancelled, the faces that are still waiting are not drawn. Raises QueueFullError.
        """
        request = _Request(latents)
        with self._changed:
            if self._closed or self._waiting + len(latents) > self.capacity:
                raise QueueFullError
            self._requests.append(request)
            self._waiting += len(latents)
            self._changed.notify()
        return request.future

    def close(self) -> None:
        """Let the thread draw what is queued, and then end. Returns at once."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def _work(self) -> None:
        while rows := self._next_rows():
            self._observe(len(rows))
            try:
                faces = self._draw(np.stack([request.latents[row] for request, row in rows]))
            except Exception as error:
                # The thread must survive. Whoever waits for these faces gets the error.
                for request, _ in rows:
                    request.fail(error)
                continue
            for (request, row), face in zip(rows, faces, strict=True):
                request.add(row, face)

    def _next_rows(self) -> list[tuple[_Request, int]]:
        """The faces of the next batch, as (request, row) pairs. Empty after `close`, once all are drawn."""
        with self._changed:
            rows: list[tuple[_Request, int]] = []
            while not rows and not (self._closed and not self._waiting):
                self._changed.wait_for(lambda: self._waiting or self._closed)
                self._changed.wait_for(lambda: self._waiting >= self._batch or self._closed, timeout=WAIT)
                rows = self._take()
            return rows

    def _take(self) -> list[tuple[_Request, int]]:
        rows: list[tuple[_Request, int]] = []
        while self._requests and len(rows) < self._batch:
            request = self._requests.popleft()
            if request.future.done():  # cancelled, or failed
                self._waiting -= request.left
                continue
            rows.append((request, request.taken))
            request.taken += 1
            self._waiting -= 1
            if request.left:
                self._requests.append(request)
        return rows
