"""Words to a terminal that may be closed while the work goes on."""

import contextlib
import errno
import os
import sys
from collections.abc import Iterator
from typing import Any, TextIO


class _Lasting:
    """A text stream whose failures stop no work, and which is silent once no one can read it."""

    def __init__(self, stream: TextIO):
        self._stream = stream

    def write(self, text: str) -> int:
        """Write, if that can be done."""
        with self._passing_over_failures():
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush, if that can be done."""
        with self._passing_over_failures():
            self._stream.flush()

    @contextlib.contextmanager
    def _passing_over_failures(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno in (errno.EIO, errno.EPIPE):  # the terminal was closed; a pipe's reader is gone
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
