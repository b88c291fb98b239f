"""Reads a file of many photos from any place in it, uncompressed or compressed with gzip."""

import zlib
from bisect import bisect_right
from functools import cached_property
from operator import itemgetter
from pathlib import Path
from typing import Any, BinaryIO, Protocol

_BLOCK = 2**16
_MOST_MARKS = 512  # each takes 40 kB
_FIRST_INTERVAL = 2**17  # bytes between two marks, until there are too many


class Reader(Protocol):
    """The content of a file, uncompressed."""

    def read_at(self, start: int, count: int) -> bytes:
        """`count` bytes from byte `start` on; fewer at the end of the file.

        Raises OSError, EOFError or zlib.error if the file is damaged or cut off.
        """

    def close(self) -> None:
        """Close the file."""


def open_reader(path: Path) -> Reader:
    """Open a file, to be decompressed if it begins as gzip files do. Raises OSError."""
    file = path.open("rb")
    try:
        is_gzip = file.read(2) == b"\x1f\x8b"
    except OSError:
        file.close()
        raise
    return _GzipReader(file) if is_gzip else _PlainReader(file)


class OpenedOnDemand:
    """A file that is opened when it is first read. It pickles into worker processes without the open file."""

    path: Path

    @cached_property
    def reader(self) -> Reader:
        """The open file. Raises OSError."""
        return open_reader(self.path)

    def close(self) -> None:
        """Close the file until it is read again."""
        if reader := vars(self).pop("reader", None):
            reader.close()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "reader"}


class _PlainReader:
    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def read_at(self, start: int, count: int) -> bytes:
        self._file.seek(start)
        return self._file.read(count)

    def close(self) -> None:
        self._file.close()


class _GzipReader:
    """Decompresses forwards, block by block, and keeps marks from which it can start again.

    A mark is a copy of the decompressor. When there are too many, every second one is dropped, so memory
    is bounded, and reading at any place costs at most a small share of the file.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._interval = _FIRST_INTERVAL
        self._start, self._block = 0, b""  # the block, and where it starts in the uncompressed content
        self._inflate, self._input = zlib.decompressobj(31), b""
        self._file.seek(0)
        self._marks: list[tuple[int, int, bytes, Any]] = []

    def close(self) -> None:
        self._file.close()

    def read_at(self, start: int, count: int) -> bytes:
        mark = bisect_right(self._marks, start, key=itemgetter(0)) - 1
        if start < self._start or (mark >= 0 and self._marks[mark][0] > self._start):
            self._go_to(mark)
        parts: list[bytes] = []
        while count > 0:
            while start >= self._start + len(self._block):
                if not self._next_block():
                    return b"".join(parts)
            inside = start - self._start
            parts.append(self._block[inside : inside + count])
            start, count = start + len(parts[-1]), count - len(parts[-1])
        return b"".join(parts)

    def _next_block(self) -> bool:
        """Decompress the next block; False at the end."""
        self._start, self._block = self._start + len(self._block), b""
        self._set_mark()
        while not self._block:
            if self._inflate.eof:  # a file may contain several gzip files, one after the other
                self._input = self._inflate.unused_data.lstrip(b"\0") or self._file.read(_BLOCK).lstrip(b"\0")
                if not self._input:
                    return False
                self._inflate = zlib.decompressobj(31)
            self._input = self._input or self._file.read(_BLOCK)
            if not self._input:
                raise EOFError("the compressed data is cut off")
            self._block = self._inflate.decompress(self._input, _BLOCK)
            self._input = self._inflate.unconsumed_tail
        return True

    def _set_mark(self) -> None:
        last = self._marks[-1][0] if self._marks else -self._interval
        if self._start - last < self._interval:
            return
        self._marks.append((self._start, self._file.tell(), self._input, self._inflate.copy()))
        if len(self._marks) > _MOST_MARKS:
            self._marks = self._marks[::2]
            self._interval *= 2

    def _go_to(self, mark: int) -> None:
        self._start, place, self._input, inflate = self._marks[mark]
        self._block, self._inflate = b"", inflate.copy()
        self._file.seek(place)
