"""Words to a terminal that may be closed while the work goes on."""

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import Any, TextIO


class _Lasting:
    """A text stream which, once it can't be written to any more, says nothing and goes on."""

    def __init__(self, stream: TextIO):
        self._stream = stream

    def write(self, text: str) -> int:
        """Write, or turn silent for good."""
        try:
            return self._stream.write(text)
        except OSError:  # EIO: the terminal was closed; EPIPE: the reader of a pipe is gone
            self._go_silent()
            return len(text)

    def flush(self) -> None:
        """Flush, or turn silent for good."""
        try:
            self._stream.flush()
        except OSError:
            self._go_silent()

    def _go_silent(self) -> None:
        """Point the descriptor to nowhere, so that what is buffered, here and in libraries, fails no more."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._stream.fileno())
        os.close(nowhere)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextlib.contextmanager
def lasting_output() -> Iterator[None]:
    """In the block, a closed terminal or a broken pipe ends the words, not the work."""
    with (
        contextlib.redirect_stdout(_Lasting(sys.stdout)),
        contextlib.redirect_stderr(_Lasting(sys.stderr)),
    ):
        yield
