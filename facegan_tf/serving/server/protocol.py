"""uvicorn's HTTP/1.1, with time limits for clients that send or read too slowly."""

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from facegan_tf.serving.server.limits import Limits


def impatient_protocol(limits: Limits) -> type[H11Protocol]:
    """A class of connections that are closed when a client takes longer than the limits allow.

    uvicorn itself limits only the time between two requests. A client that sends its headers byte by byte, or
    none, would keep its connection forever, and one that doesn't read would keep its response in memory.
    """

    class ImpatientProtocol(H11Protocol):
        _head: asyncio.TimerHandle | None = None
        _stalled: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            # Between two requests. It is passed to `call_later`, which takes parts of seconds too.
            self.timeout_keep_alive = limits.head_seconds  # type: ignore[assignment]
            self._head = self.loop.call_later(limits.head_seconds, self._close)

        def data_received(self, data: bytes) -> None:
            before = self.cycle
            super().data_received(data)
            if self.cycle is not before:  # the headers of a request are complete
                self._head = _cancel(self._head)
            elif self._head is None and (self.cycle is None or self.cycle.response_complete):
                self._head = self.loop.call_later(limits.head_seconds, self._close)

        def pause_writing(self) -> None:
            super().pause_writing()
            self._stalled = self.loop.call_later(limits.stalled_seconds, self.transport.abort)

        def resume_writing(self) -> None:
            super().resume_writing()
            self._stalled = _cancel(self._stalled)

        def connection_lost(self, exc: Exception | None) -> None:
            self._head, self._stalled = _cancel(self._head), _cancel(self._stalled)
            super().connection_lost(exc)

        def _close(self) -> None:
            self._head = None
            if self.cycle is None or self.cycle.response_complete:
                self.transport.close()

    return ImpatientProtocol


def _cancel(timer: asyncio.TimerHandle | None) -> asyncio.TimerHandle | None:
    """Cancel a timer, if there is one; return None, to replace it."""
    if timer is not None:
        timer.cancel()
    return None
