"""A zip of photos, read in place."""

import io
import lzma
import shutil
import struct
import zipfile
import zlib
from functools import cached_property
from typing import Any

from facegan_tf.common.errors import InputError, Rejected
from facegan_tf.common.paths import path_of
from facegan_tf.data.decode import one_line
from facegan_tf.data.sources import base
from facegan_tf.data.sources.skipped import is_hidden, is_sidecar, no_photos

_NO_TIME = (1980, 1, 1, 0, 0, 0)
_PIECE = 2**14  # bytes read at once: asked for a whole member, zipfile may inflate more than is declared

# What zipfile raises on damaged members, and on unsupported ones (NotImplementedError, a RuntimeError).
_MEMBER_ERRORS = (
    *(OSError, EOFError, ValueError, RuntimeError, MemoryError),
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error),
)


class ZipSource(base.PhotoSource):
    """The members of a zip. Nothing is unpacked to disk, and their names are never used as paths.

    The table of contents is read on first use, so that opening costs nothing, and again in each worker
    process, which needs an open file of its own anyway.
    """

    def __init__(self, source: str) -> None:
        """source: the path as the user gave it."""
        self.source = source
        self.path = path_of(source)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the path alone: an open file can't be pickled."""
        return ZipSource, (self.source,)

    @cached_property
    def identity(self) -> dict[str, Any]:
        """Path, size and modification time of the zip file."""
        status = self.path.stat()
        path = str(self.path.resolve())
        return {"kind": "zip", "path": path, "bytes": status.st_size, "times": status.st_mtime_ns}

    @cached_property
    def _archive(self) -> zipfile.ZipFile:
        try:
            return zipfile.ZipFile(self.path)
        except (OSError, zipfile.BadZipFile, NotImplementedError, ValueError) as error:
            raise InputError("source", self.source, f"can't be read as a zip: {one_line(error)}") from None

    @cached_property
    def _members(self) -> list[zipfile.ZipInfo]:
        """The photos, sorted by name."""
        # This index and the times are not needed here; each takes 100 bytes per member in each process.
        self._archive.NameToInfo.clear()
        for member in self._archive.infolist():
            member.date_time = _NO_TIME
        # Some programs on Windows write backslashes, against the standard.
        files = [(member.filename.replace("\\", "/"), member) for member in self._archive.infolist()]
        files = [(name, member) for name, member in files if not name.endswith("/") and not is_hidden(name)]
        photos = [(name, member) for name, member in files if not is_sidecar(name)]
        if not photos:
            raise no_photos(self.source, "zip", [name for name, _ in files])
        photos.sort(key=lambda photo: photo[0])
        return [member for _, member in photos]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the photos, sorted. Raises InputError if there are none."""
        return tuple(member.filename.replace("\\", "/") for member in self._members)

    def read(self, index: int) -> bytes:
        """The bytes of photo `names[index]`. Raises Rejected if it is damaged, encrypted or too large."""
        member = self._members[index]
        base.check_bytes(member.file_size)
        if member.flag_bits & 1:
            raise Rejected("can't be read from the zip: it is encrypted; unpack it, and give the folder")
        if member.compress_type == zipfile.ZIP_BZIP2:  # zipfile inflates it all at once: 2 kB can be 2 GB
            raise Rejected("compressed with bzip2, which is not supported; zip it again with another method")
        content = io.BytesIO()
        try:
            with self._archive.open(member) as file:
                shutil.copyfileobj(file, content, _PIECE)
        except _MEMBER_ERRORS as error:
            raise Rejected(f"can't be read from the zip: {one_line(error)}") from None
        return content.getvalue()

    def content(self, index: int) -> bytes:
        """Size and checksum of the photo, from the table of contents: nothing is read."""
        member = self._members[index]
        return struct.pack(">QI", member.file_size, member.CRC)


def open_zip(source: str) -> ZipSource | None:
    """Open the zip; None if there is no zip file at this path. Raises InputError if it can't be read."""
    path = path_of(source)
    if not path.is_file():
        return None
    try:
        is_zip = zipfile.is_zipfile(path)
        with path.open("rb"):  # is_zipfile is False for a file that we may not read
            pass
    except OSError as error:
        raise InputError("source", source, f"can't be read: {error.strerror}") from None
    return ZipSource(source) if is_zip else None
