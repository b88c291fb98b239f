"""Output to a terminal that may be closed while the work continues."""

import contextlib
import errno
import os
import sys
from collections.abc import Iterator
from typing import Any, TextIO


class _LastingStream:
    """A text stream that ignores failures, and falls silent once nobody can read it."""

    def __init__(self, stream: TextIO):
        self._stream = stream

    def write(self, text: str) -> int:
        """Write, if possible."""
        with self._ignoring_failures():
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush, if possible."""
        with self._ignoring_failures():
            self._stream.flush()

    @contextlib.contextmanager
    def _ignoring_failures(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno in (errno.EIO, errno.EPIPE):  # the terminal or the reader of the pipe is gone
                self._go_silent()

    def _go_silent(self) -> None:
        """Redirect the descriptor to the null device, so that buffered text can't fail either."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._stream.fileno())
        os.close(nowhere)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextlib.contextmanager
def lasting_output() -> Iterator[None]:
    """In the block, a closed terminal or a broken pipe ends the output, not the work."""
    with (
        contextlib.redirect_stdout(_LastingStream(sys.stdout)),
        contextlib.redirect_stderr(_LastingStream(sys.stderr)),
    ):
        yield
