"""Where photos come from: a folder, a zip, or drawn faces.

A source has sorted `names` (POSIX, relative), reads one item by its place in them, pickles into worker
processes, and has an `identity`: JSON values that change when the source does.
"""

import hashlib
import io
import lzma
import os
import re
import shutil
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from facegan_tf.common.errors import InputError, Rejected
from facegan_tf.data.decode import one_line

SYNTHETIC_COUNT = 5000
SYNTHETIC_MOST = 10_000_000
SYNTHETIC_SEED = 0
FILE_LIMIT = 256 * 2**20  # bytes; a photo is far below, and what is read is held in memory
_PIECE = 2**14  # bytes at once: asked for all of a zip's member, zipfile may inflate more than is declared

_NOT_PHOTOS = {"__macosx", "thumbs.db", "desktop.ini"}  # what file managers leave behind

# What zipfile raises on damaged members, and on unsupported ones (NotImplementedError, a RuntimeError).
_MEMBER_ERRORS = (
    *(OSError, EOFError, ValueError, RuntimeError, MemoryError),
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error),
)


def _passed_over(name: str) -> bool:
    """Whether a part of this path is hidden or a file manager's; `.` and `..` are neither."""
    return any(
        (part.startswith(".") and part not in (".", "..")) or part.lower() in _NOT_PHOTOS
        for part in name.split("/")
    )


@dataclass(frozen=True)
class FolderSource:
    """The files below a folder. Links are followed, but no folder is entered twice."""

    root: Path
    names: tuple[str, ...]
    identity: dict[str, Any]

    @classmethod
    def open(cls, root: Path) -> "FolderSource":
        """List the folder; InputError if it can't be listed or has no files."""
        try:
            files = sorted(_walk(str(root)))
        except OSError as error:
            raise InputError(f"{root} can't be listed: {error.strerror}") from None
        if not files:
            raise InputError(f"the folder {root} holds no files (hidden ones are passed over)")
        digest = hashlib.sha256()
        for name, size, mtime_ns in files:
            digest.update(os.fsencode(name) + f"\0{size}\0{mtime_ns}\0".encode())
        identity = {
            "kind": "folder",
            "path": str(root.resolve()),
            "files": len(files),
            "digest": digest.hexdigest(),
        }
        return cls(root, tuple(name for name, _, _ in files), identity)

    def read(self, index: int) -> bytes:
        """The bytes of file `names[index]`; Rejected if it can't be read or is too large."""
        path = self.root / self.names[index]
        try:
            status = path.stat()
            if stat.S_ISDIR(status.st_mode):
                raise Rejected("the folder can't be listed")
            if not stat.S_ISREG(status.st_mode):  # a pipe or a device, which may have no end
                raise Rejected("can't be read: not a regular file")
            _check_bytes(status.st_size)
            with path.open("rb") as file:
                return file.read(FILE_LIMIT)
        except OSError as error:
            raise Rejected(f"can't be read: {error.strerror}") from None


def _walk(root: str) -> Iterator[tuple[str, int, int]]:
    """Yield (name, bytes, mtime_ns) of what lies below; OSError if `root` itself can't be listed.

    What is no file, or can't be reached or listed, has -1 bytes: reading it says why.
    """
    entered: set[tuple[int, int]] = set()
    waiting = [""]  # not by recursion: folders lie in each other more deeply than Python calls
    while waiting:
        prefix = waiting.pop()
        try:
            status = Path(root, prefix).stat()
            if (status.st_dev, status.st_ino) in entered:
                continue
            entered.add((status.st_dev, status.st_ino))
            with os.scandir(Path(root, prefix)) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError:
            if not prefix:
                raise
            yield prefix, -1, 0
            continue
        folders = []
        for entry in entries:
            if _passed_over(entry.name):
                continue
            name = prefix + entry.name
            try:
                status = entry.stat()
            except OSError:
                yield name, -1, 0
                continue
            if stat.S_ISDIR(status.st_mode):
                folders.append(f"{name}/")
            elif stat.S_ISREG(status.st_mode):
                yield name, status.st_size, status.st_mtime_ns
            else:
                yield name, -1, 0
        waiting += reversed(folders)


def _check_bytes(size: int) -> None:
    if size > FILE_LIMIT:
        raise Rejected(f"larger than {FILE_LIMIT // 2**20} MiB")


class ZipSource:
    """The members of a zip, read in place: nothing is unpacked to disk, and names are only names.

    The table of contents is read on first use, so that identity alone costs nothing, and again in each
    worker process, which needs an open file of its own anyway.
    """

    def __init__(self, path: Path) -> None:
        """Nothing is read yet."""
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the path alone: an open file can't travel."""
        return ZipSource, (self.path,)

    @cached_property
    def identity(self) -> dict[str, Any]:
        """Path, bytes and time of the zip file."""
        status = self.path.stat()
        path = str(self.path.resolve())
        return {"kind": "zip", "path": path, "bytes": status.st_size, "mtime_ns": status.st_mtime_ns}

    @cached_property
    def _archive(self) -> zipfile.ZipFile:
        try:
            return zipfile.ZipFile(self.path)
        except (OSError, zipfile.BadZipFile, NotImplementedError, ValueError) as error:
            raise InputError(f"{self.path} can't be read as a zip: {one_line(error)}") from None

    @cached_property
    def _members(self) -> list[zipfile.ZipInfo]:
        members = [
            member
            for member in self._archive.infolist()
            if not member.is_dir() and not _passed_over(member.filename)
        ]
        if not members:
            raise InputError(f"the zip {self.path} holds no files (hidden ones are passed over)")
        return sorted(members, key=lambda member: member.filename)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Member names, sorted. InputError if there are none."""
        return tuple(member.filename for member in self._members)

    def read(self, index: int) -> bytes:
        """The bytes of member `names[index]`; Rejected if it is damaged, encrypted or too large."""
        member = self._members[index]
        _check_bytes(member.file_size)
        if member.flag_bits & 1:
            raise Rejected("can't be read from the zip: it is encrypted; unpack it, and give the folder")
        if member.compress_type == zipfile.ZIP_BZIP2:  # zipfile can't inflate a part: 2 kB may become 2 GB
            raise Rejected("compressed by bzip2, which is not read here; zip it anew")
        content = io.BytesIO()
        try:
            with self._archive.open(member) as file:
                shutil.copyfileobj(file, content, _PIECE)
        except _MEMBER_ERRORS as error:
            raise Rejected(f"can't be read from the zip: {one_line(error)}") from None
        return content.getvalue()


@dataclass(frozen=True)
class SyntheticSource:
    """`count` faces drawn by our own code, the same ones every time."""

    count: int

    @property
    def names(self) -> tuple[str, ...]:
        """One name a face."""
        return tuple(f"face-{index:07d}" for index in range(self.count))

    @property
    def identity(self) -> dict[str, Any]:
        """What the drawn faces depend on."""
        from facegan_tf.data.synthetic.faces import DRAWING_VERSION

        return {
            "kind": "synthetic",
            "count": self.count,
            "seed": SYNTHETIC_SEED,
            "drawing_version": DRAWING_VERSION,
        }

    def draw(self, index: int, size: int) -> bytes:
        """RGB pixels of face `index` at `size` x `size`, row by row."""
        from facegan_tf.data.synthetic.faces import (
            draw_face,  # numpy: workers that decode photos do without it
        )

        return draw_face(SYNTHETIC_SEED, index, size).tobytes()


Source = FolderSource | ZipSource | SyntheticSource


def is_synthetic(source: str) -> bool:
    """Whether drawn faces are meant; a folder of that name is `./synthetic`."""
    return source == "synthetic" or source.startswith("synthetic:")


def open_source(source: str) -> Source:
    """Open `synthetic[:N]`, a folder, or a zip. InputError says what else was found there."""
    if is_synthetic(source):
        return _open_synthetic(source)
    path = Path(source).expanduser()
    if path.is_dir():
        from facegan_tf.data.store import is_store  # numpy: the workers do without it

        if is_store(path):
            raise InputError(f"{source} is a prepared store already, not a source of photos; use it as it is")
        return FolderSource.open(path)
    if not path.is_file():
        kind = "is neither a file nor a folder" if path.exists() else "does not exist"
        raise InputError(f"source {source} {kind}; give a folder, a zip, or synthetic[:N]")
    try:
        is_zip = zipfile.is_zipfile(path)
        with path.open("rb"):  # is_zipfile says no where it may not read
            pass
    except OSError as error:
        raise InputError(f"source {source} can't be read: {error.strerror}") from None
    if not is_zip:
        raise InputError(
            f"source {source} is a file, but not a zip (or a damaged one); "
            "give a folder, a zip, or synthetic[:N]"
        )
    return ZipSource(path)


def _open_synthetic(source: str) -> SyntheticSource:
    if source == "synthetic":
        return SyntheticSource(SYNTHETIC_COUNT)
    digits = source.removeprefix("synthetic:")
    if not re.fullmatch("[0-9]{1,9}", digits) or not 1 <= int(digits) <= SYNTHETIC_MOST:
        raise InputError(
            f"source {source}: the number of faces must be 1 to {SYNTHETIC_MOST}, as in "
            f"synthetic:{SYNTHETIC_COUNT} (for a folder of this name write ./{source})"
        )
    return SyntheticSource(int(digits))
