"""What every source of faces offers, and what all sources of photos have in common."""

import hashlib
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from facegan_tf.common.errors import Rejected
from facegan_tf.config.crop import Crop
from facegan_tf.data.decode import decode_face

FILE_LIMIT = 256 * 2**20
"""Largest file that is read, in bytes. Photos are far smaller, and a file is held in memory."""


class Face(NamedTuple):
    """One face of a store."""

    pixels: bytes
    """RGB, uint8, row by row: size * size * 3 bytes."""
    note: str | None = None
    """What was ignored in the photo, in the same words for each photo; None: nothing."""


class Source(Protocol):
    """An ordered set of faces. It pickles into worker processes, and is cheap to open."""

    @property
    def names(self) -> tuple[str, ...]:
        """One name for each item, sorted. Raises InputError if there are none."""

    @property
    def identity(self) -> dict[str, Any]:
        """JSON values that change when the source does, found without reading its items.

        `kind` is always there. Sources that differ only in `path` and `times` may hold the same photos:
        `content` settles it.
        """

    @property
    def can_crop(self) -> bool:
        """Whether a crop other than `square` makes sense."""

    def face(self, index: int, size: int, crop: Crop) -> Face:
        """The face of item `names[index]` at size x size pixels. Raises Rejected if it can't be used."""

    def content(self, index: int) -> bytes:
        """A short digest of item `names[index]`, which changes when its content does. Never raises."""

    def contains(self, path: Path) -> bool:
        """Whether a file written to `path` would become part of this source."""


class PhotoSource(ABC):
    """A source of encoded photos. A new kind needs `names`, `identity` and `read`."""

    can_crop = True

    @abstractmethod
    def read(self, index: int) -> bytes:
        """The bytes of photo `names[index]`. Raises Rejected if it can't be read or is too large."""

    def face(self, index: int, size: int, crop: Crop) -> Face:
        """The decoded, cropped and resized photo. Raises Rejected if it can't be used."""
        image, note = decode_face(self.read(index), size, crop)
        return Face(image.tobytes(), note)

    def content(self, index: int) -> bytes:
        """The SHA-256 of the photo's bytes, or of the reason why they can't be read."""
        try:
            return hashlib.sha256(self.read(index)).digest()
        except Rejected as reason:
            return hashlib.sha256(str(reason).encode()).digest()

    def contains(self, path: Path) -> bool:
        """False: most sources are not folders."""
        return False


def path_of(source: str) -> Path:
    """The path that a user wrote, with `~` replaced where that is possible."""
    try:
        return Path(source).expanduser()
    except RuntimeError:  # no home folder, or no user of that name
        return Path(source)


def check_bytes(size: int) -> None:
    """Raise Rejected if a file of `size` bytes is too large to be read."""
    if size > FILE_LIMIT:
        raise Rejected(f"larger than {FILE_LIMIT // 2**20} MiB")
