"""A folder of photos, with all folders below it."""

import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from facegan_tf.common.errors import InputError, Rejected
from facegan_tf.data.manifest import is_store
from facegan_tf.data.sources import base
from facegan_tf.data.sources.skipped import is_hidden, is_sidecar, no_photos


class _File(NamedTuple):
    name: str
    """Relative to the folder, with slashes; that of a folder ends in one."""
    size: int
    """In bytes; -1 for what is not a file, or can't be reached or listed: reading it gives the reason."""
    mtime_ns: int


@dataclass(frozen=True)
class FolderSource(base.PhotoSource):
    """The files below a folder. Links are followed, but no folder is entered twice."""

    root: Path
    names: tuple[str, ...]
    identity: dict[str, Any]

    def read(self, index: int) -> bytes:
        """The bytes of file `names[index]`. Raises Rejected if it can't be read or is too large."""
        path = self.root / self.names[index]
        try:
            status = path.stat()
            if stat.S_ISDIR(status.st_mode):
                raise Rejected("the folder can't be listed")
            if not stat.S_ISREG(status.st_mode):  # a pipe or a device, which may have no end
                raise Rejected("can't be read: not a regular file")
            base.check_bytes(status.st_size)
            with path.open("rb") as file:
                return file.read(base.FILE_LIMIT)
        except OSError as error:
            raise Rejected(f"can't be read: {error.strerror}") from None

    def contains(self, path: Path) -> bool:
        """Whether `path` is in the folder or below it."""
        return path.resolve().is_relative_to(self.root.resolve())


def open_folder(source: str) -> FolderSource | None:
    """List the folder; None if there is no folder of this path.

    Raises InputError if it can't be listed, has no photos, or is a prepared store.
    """
    root = base.path_of(source)
    if not root.is_dir():
        return None
    if is_store(root):
        raise InputError("source", source, "is already a prepared store; use it directly, or give its photos")
    try:
        found = sorted(_walk(str(root)))
    except OSError as error:
        raise InputError("source", source, f"can't be listed: {error.strerror}") from None
    files = [file for file in found if not is_sidecar(file.name)]
    if not files:
        raise no_photos(source, "folder", [file.name for file in found])
    return FolderSource(root, tuple(file.name for file in files), _identity(root, files))


def _identity(root: Path, files: list[_File]) -> dict[str, Any]:
    listing, times = hashlib.sha256(), hashlib.sha256()
    for name, size, mtime_ns in files:
        listing.update(os.fsencode(name) + f"\0{size}\0".encode())
        times.update(f"{mtime_ns}\0".encode())
    return {
        "kind": "folder",
        "path": str(root.resolve()),
        "files": len(files),
        "listing": listing.hexdigest(),
        "times": times.hexdigest(),
    }


def _walk(root: str) -> Iterator[_File]:
    """Yield everything below `root` that is not hidden. Raises OSError if `root` itself can't be listed."""
    entered: set[tuple[int, int]] = set()
    waiting = [""]  # not by recursion: folders can be nested more deeply than Python calls
    while waiting:
        prefix = waiting.pop()
        try:
            entries = _entries(Path(root, prefix), entered)
        except OSError:
            if not prefix:
                raise
            yield _File(prefix, -1, 0)
            continue
        folders = []
        for entry in entries:
            name = prefix + entry.name
            try:
                status = entry.stat()
            except OSError:
                yield _File(name, -1, 0)
                continue
            if stat.S_ISDIR(status.st_mode):
                folders.append(f"{name}/")
            elif stat.S_ISREG(status.st_mode):
                yield _File(name, status.st_size, status.st_mtime_ns)
            else:
                yield _File(name, -1, 0)
        waiting += reversed(folders)


def _entries(folder: Path, entered: set[tuple[int, int]]) -> list[os.DirEntry[str]]:
    """The folder's entries by name, without hidden ones; none if it is one of `entered`, which it joins."""
    status = folder.stat()
    if (status.st_dev, status.st_ino) in entered:
        return []
    entered.add((status.st_dev, status.st_ino))
    with os.scandir(folder) as listing:
        return sorted((entry for entry in listing if not is_hidden(entry.name)), key=lambda each: each.name)
