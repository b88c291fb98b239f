"""Reads the bodies of requests, with limits on size and time, and on the memory of all of them together."""

import asyncio

from fastapi import Request

from facegan_tf.serving.batching import QueueFullError
from facegan_tf.serving.server.errors import RefusedError
from facegan_tf.serving.server.limits import Limits


class Bodies:
    """The bodies that are arriving."""

    def __init__(self, limits: Limits):
        self._limits = limits
        self._bytes = 0

    async def read(self, request: Request) -> bytes:
        """The body of a request.

        Raises RefusedError if it is too large or too slow, QueueFullError if other bodies take all the room.
        """
        declared = request.headers.get("content-length", "")
        if declared.isdecimal() and int(declared) > self._limits.body_bytes:
            raise self._too_large()
        parts: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(self._limits.body_seconds):
                async for part in request.stream():
                    size += len(part)
                    self._bytes += len(part)
                    if size > self._limits.body_bytes:
                        raise self._too_large()
                    if self._bytes > self._limits.bodies_bytes:
                        raise QueueFullError
                    parts.append(part)
        except TimeoutError:
            problem = f"the body did not arrive within {self._limits.body_seconds:g} seconds"
            raise RefusedError(408, problem) from None
        finally:
            self._bytes -= size
        return b"".join(parts)

    def _too_large(self) -> RefusedError:
        problem = f"the body is larger than {self._limits.body_bytes:,} bytes; send fewer faces at a time"
        return RefusedError(413, problem)
