"""What the routes share: the model being served, its queue, and the limits."""

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import ParamSpec, TypeVar

import anyio
import numpy as np
from anyio import to_thread

from facegan_tf.run.restore import LAST, RunState
from facegan_tf.serving.batching import Batcher
from facegan_tf.serving.generator import BATCH
from facegan_tf.serving.served_model import ServedModel, load_served, newest_step
from facegan_tf.serving.server.body import Bodies
from facegan_tf.serving.server.limits import Limits
from facegan_tf.serving.server.metrics import Metrics

P = ParamSpec("P")
T = TypeVar("T")

MAX_QUEUE = 1024
"""Most faces that can wait to be drawn, whatever their size."""
QUEUE_BYTES = 2**24
"""Most bytes that the pixels of the waiting faces may take."""
MAX_FACES = 400
"""Most faces in one request; fewer if they are large."""
ENCODERS = 2
"""Responses encoded at the same time; few, to bound the memory for large ones."""


class Served:
    """A model with its queue."""

    def __init__(self, model: ServedModel, metrics: Metrics):
        face_bytes = model.size * model.size * 3
        self.model = model
        self.capacity = max(4 * BATCH, min(MAX_QUEUE, QUEUE_BYTES // face_bytes))
        self.max_faces = min(MAX_FACES, self.capacity)
        self.batcher = Batcher(model.generator.draw, BATCH, self.capacity, metrics.batches.observe)

    def etag(self, path: str, query: str) -> str:
        """The entity tag of the response that the weights and this URL determine."""
        text = repr((self.model.fingerprint, path, query))
        return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'


@dataclass
class Service:
    """The server's state."""

    path: Path
    """The run directory or the SavedModel."""
    name: str
    """The model's name in URLs."""
    state: RunState = LAST
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        """Load the model. Raises InputError as `load_served` does."""
        self.metrics = Metrics(BATCH)
        self.bodies = Bodies(self.limits)
        self.current = Served(load_served(self.path, self.state), self.metrics)
        self.metrics.queue.set_function(lambda: self.current.batcher.waiting)
        self._encoders = anyio.CapacityLimiter(ENCODERS)
        self._reloading = asyncio.Lock()

    def newest(self) -> int | None:
        """The step of the checkpoint that `reload` would load; None if there is nothing to reload."""
        return newest_step(self.path) if self.state.checkpoint == "last" else None

    async def reload(self) -> Served:
        """Serve the run's newest checkpoint. Requests in progress are finished with the old one.

        Raises InputError, and keeps serving the old one, if the new one can't be loaded.
        """
        async with self._reloading:
            if self.newest() not in (None, self.current.model.step):
                model = await to_thread.run_sync(load_served, self.path, self.state)
                old, self.current = self.current, Served(model, self.metrics)
                old.batcher.close()
            return self.current

    async def draw(self, served: Served, latents: np.ndarray) -> np.ndarray:
        """Draw faces uint8 [N, S, S, 3] from latents float32 [N, L].

        Raises QueueFullError if the queue has no room, and TimeoutError if it takes too long.
        """
        if not len(latents):
            return np.zeros((0, served.model.size, served.model.size, 3), np.uint8)
        future = served.batcher.submit(latents)
        return await asyncio.wait_for(asyncio.wrap_future(future), self.limits.draw_seconds)

    async def encode(self, function: Callable[P, T], *arguments: P.args, **options: P.kwargs) -> T:
        """Call a slow function in a thread; only a few run at once."""
        return await to_thread.run_sync(lambda: function(*arguments, **options), limiter=self._encoders)
