"""The files below a folder."""

import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from facegan_tf.data.sources.skipped import is_hidden


class ListedFile(NamedTuple):
    """An entry below a folder."""

    name: str
    """Path relative to the folder, with slashes; a folder's path ends in one."""
    size: int
    """In bytes; -1 if it is not a file, or can't be reached or listed: reading it gives the reason."""
    mtime_ns: int


def listing_identity(kind: str, root: Path, files: Sequence[ListedFile]) -> dict[str, Any]:
    """The `identity` of a source of this kind that consists of files below `root`."""
    listing, times = hashlib.sha256(), hashlib.sha256()
    for name, size, mtime_ns in files:
        listing.update(os.fsencode(name) + f"\0{size}\0".encode())
        times.update(f"{mtime_ns}\0".encode())
    return {
        "kind": kind,
        "path": str(root.resolve()),
        "files": len(files),
        "listing": listing.hexdigest(),
        "times": times.hexdigest(),
    }


def walk(root: str) -> Iterator[ListedFile]:
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
            yield ListedFile(prefix, -1, 0)
            continue
        folders = []
        for entry in entries:
            name = prefix + entry.name
            try:
                status = entry.stat()
            except OSError:
                yield ListedFile(name, -1, 0)
                continue
            if stat.S_ISDIR(status.st_mode):
                folders.append(f"{name}/")
            elif stat.S_ISREG(status.st_mode):
                yield ListedFile(name, status.st_size, status.st_mtime_ns)
            else:
                yield ListedFile(name, -1, 0)
        waiting += reversed(folders)


def _entries(folder: Path, entered: set[tuple[int, int]]) -> list[os.DirEntry[str]]:
    """The folder's visible entries, by name; none if it is in `entered`, to which it is added otherwise."""
    status = folder.stat()
    if (status.st_dev, status.st_ino) in entered:
        return []
    entered.add((status.st_dev, status.st_ino))
    with os.scandir(folder) as listing:
        return sorted((entry for entry in listing if not is_hidden(entry.name)), key=lambda each: each.name)
