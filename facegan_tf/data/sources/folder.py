"""A folder of photos, with all folders below it."""

import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facegan_tf.common.errors import InputError, Rejected
from facegan_tf.common.paths import path_of
from facegan_tf.data.manifest import is_store
from facegan_tf.data.sources import base
from facegan_tf.data.sources.listing import listing_identity, walk
from facegan_tf.data.sources.skipped import is_sidecar, no_photos


@dataclass
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
    """List the folder; None if there is no folder at this path.

    Raises InputError if it can't be listed, has no photos, or is a prepared store.
    """
    root = path_of(source)
    if not root.is_dir():
        return None
    if is_store(root):
        raise InputError("source", source, "is already a prepared store; use it directly, or give its photos")
    try:
        found = sorted(walk(str(root)))
    except OSError as error:
        raise InputError("source", source, f"can't be listed: {error.strerror}") from None
    files = [file for file in found if not is_sidecar(file.name)]
    if not files:
        raise no_photos(source, "folder", [file.name for file in found])
    return FolderSource(root, tuple(file.name for file in files), listing_identity("folder", root, files))
