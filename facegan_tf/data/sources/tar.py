"""Tar files of photos, such as WebDataset's shards, read in place: plain, or compressed with gzip.

Headers are read one by one, by the rules of POSIX (pax) and GNU tar. `tarfile` parses them, but we walk from
one to the next: tarfile itself stops silently at a damaged header, reads names of any length into
memory, and keeps a kilobyte for each member.
"""

import tarfile
import zlib
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from facegan_tf.common.errors import Rejected
from facegan_tf.data.decode import one_line
from facegan_tf.data.sources import base
from facegan_tf.data.sources.names import PackedNames
from facegan_tf.data.sources.reading import OpenedOnDemand, Reader, open_reader
from facegan_tf.data.sources.skipped import is_hidden, is_sidecar

REST = "(rest of the file)"
"""Name for what is lost because a file of many photos is damaged or cut off."""

_BLOCK = tarfile.BLOCKSIZE
_MOST_BYTES = 2**50  # of a member: more than any disk holds
_MOST_TEXT = 2**20  # bytes of the records before a header; they hold a name
_DATASET_LABELS = (
    ".cls",
    ".id",
    ".index",
    ".key",
    ".bbox",
    ".npz",
)  # of WebDataset, beside `.json` and others
_READ_ERRORS = (OSError, EOFError, zlib.error, MemoryError)

_LINKS = {tarfile.LNKTYPE: "a hard link", tarfile.SYMTYPE: "a symbolic link"}
_NO_FILES = {
    tarfile.CHRTYPE: "a device",
    tarfile.BLKTYPE: "a device",
    tarfile.FIFOTYPE: "a pipe",
    tarfile.GNUTYPE_SPARSE: "a sparse file",
}
_FILES = (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE)


class _Member(NamedTuple):
    name: str
    start: int
    """Where its content starts in the uncompressed tar."""
    size: int
    problem: str | None
    """Why it can't be a photo; None: it may be one."""


class TarShard(OpenedOnDemand):
    """The photos of one tar file, sorted by name."""

    def __init__(self, path: Path) -> None:
        """Read all headers. Raises Rejected if the file has none."""
        self.path = path
        try:
            reader = open_reader(path)
        except OSError as error:
            raise Rejected(f"can't be read: {error.strerror}") from None
        try:
            members = sorted(_photos(reader), key=lambda member: member.name)
        finally:
            reader.close()
        self.names: Sequence[str] = PackedNames(member.name for member in members)
        self._starts = array("Q", [member.start for member in members])
        self._sizes = array("Q", [member.size for member in members])
        self._problems = {
            index: member.problem for index, member in enumerate(members) if member.problem is not None
        }

    def read(self, index: int) -> bytes:
        """The bytes of photo `names[index]`. Raises Rejected if it can't be read or is too large."""
        if index in self._problems:
            raise Rejected(self._problems[index])
        base.check_bytes(self._sizes[index])
        try:
            content = self.reader.read_at(self._starts[index], self._sizes[index])
        except _READ_ERRORS as error:
            raise Rejected(f"can't be read from the tar: {one_line(error)}") from None
        if len(content) < self._sizes[index]:
            raise Rejected(
                f"cut off: the tar ends after {len(content)} of the photo's {self._sizes[index]} bytes"
            )
        return content


def _photos(reader: Reader) -> Iterator[_Member]:
    """The members that may be photos, and what is lost at the end of a damaged tar.

    Raises Rejected if there is nothing else.
    """
    count = 0
    try:
        for member in _members(reader):
            count += 1
            name = member.name
            if not (is_hidden(name) or is_sidecar(name) or name.lower().endswith(_DATASET_LABELS)):
                yield member
    except (Rejected, *_READ_ERRORS) as error:
        reason = str(error) if isinstance(error, Rejected) else one_line(error)
        if not count:
            raise Rejected(f"can't be read as a tar: {reason}") from None
        yield _Member(REST, 0, 0, f"after {count} members: {reason}")


def _members(reader: Reader) -> Iterator[_Member]:
    """All files in a tar, in their order. Raises Rejected where it is damaged."""
    place = 0
    said: dict[str, str] = {}  # what the records before a header say
    while header := _header(reader, place):
        kind, content = header.type, place + _BLOCK
        size = header.size
        if kind in _FILES:
            size = _whole(said.get("size"), size)
        if not 0 <= size <= _MOST_BYTES:
            raise Rejected(f"damaged header at byte {place} (a size of {size} bytes)")
        place = content + -(-size // _BLOCK) * _BLOCK
        if kind in (tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE):
            text = _text(reader, content, size)
            if kind == tarfile.GNUTYPE_LONGNAME:
                said["path"] = text.partition(b"\0")[0].decode("utf-8", "surrogateescape")
            else:
                said |= _pax(text)
            continue
        if kind in (tarfile.GNUTYPE_LONGLINK, tarfile.XGLTYPE):
            continue
        name = said.get("path", header.name)
        is_sparse = any(key.startswith("GNU.sparse.") for key in said)
        said = {}
        if kind == tarfile.DIRTYPE or (kind in _FILES and name.endswith("/")):
            continue
        yield _Member(name.removeprefix("./"), content, size, _problem(kind, is_sparse))


def _problem(kind: bytes, is_sparse: bool) -> str | None:
    if kind in _LINKS:
        return f"{_LINKS[kind]}, which has no content of its own"
    if is_sparse or kind in _NO_FILES:
        return f"{_NO_FILES.get(kind, 'a sparse file')}, not a photo"
    return None if kind in _FILES else f"a member of the unknown type {kind!r}"


def _header(reader: Reader, place: int) -> tarfile.TarInfo | None:
    """The header at a place; None at the end marker. Raises Rejected if neither is there."""
    block = reader.read_at(place, _BLOCK)
    if len(block) < _BLOCK:
        raise Rejected("the tar is cut off: its end marker is missing")
    try:
        header = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.EOFHeaderError:  # type: ignore[attr-defined]
        return None
    except (tarfile.HeaderError, ValueError) as error:
        raise Rejected(f"damaged header at byte {place} ({one_line(error)})") from None
    # Links, devices, pipes and folders have no content after their header, whatever their size says.
    if header.type in (*_LINKS, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE):
        header.size = 0
    return header


def _text(reader: Reader, place: int, size: int) -> bytes:
    if size > _MOST_TEXT:
        raise Rejected(f"a name or record of {size} bytes at byte {place}")
    text = reader.read_at(place, size)
    if len(text) < size:
        raise Rejected("the tar is cut off in a name")
    return text


def _pax(text: bytes) -> dict[str, str]:
    """The records of a pax header: `LENGTH KEY=VALUE` and a new line. Raises Rejected."""
    records: dict[str, str] = {}
    while text.strip(b"\0"):
        length_text, space, _ = text.partition(b" ")
        length = int(length_text) if length_text.isdigit() and len(length_text) < 8 else 0
        key, equals, value = text[len(length_text) + 1 : length].partition(b"=")
        if not space or not equals or text[length - 1 : length] != b"\n":
            raise Rejected("damaged pax records")
        records[key.decode("utf-8", "replace")] = value[:-1].decode("utf-8", "surrogateescape")
        text = text[length:]
    return records


def _whole(text: str | None, otherwise: int) -> int:
    """The size in a pax record, which replaces one that doesn't fit in the header; `otherwise` if none."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else otherwise
