"""What every source of faces offers, and what all sources of photos have in common."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from facegan_tf.common.errors import Rejected
from facegan_tf.data.framing import FramedFace, Framing

FILE_LIMIT = 256 * 2**20
"""Largest file that is read, in bytes. Photos are far smaller, and a file is held in memory."""

MAY_DIFFER = ("path", "times")
"""Keys of a source's identity that change when its photos are moved or touched."""


class Source(Protocol):
    """An ordered set of faces. It pickles into worker processes, and is cheap to open."""

    @property
    def names(self) -> Sequence[str]:
        """One name for each item, in their order. Raises InputError if there are none."""

    def keys(self) -> Sequence[str]:
        """The name by which tables of attributes know each item."""

    def attributes(self) -> dict[str, Any] | None:
        """What the source itself says about its items: columns, as numpy arrays; None: nothing."""

    @property
    def identity(self) -> dict[str, Any]:
        """JSON values that change when the source does, found without reading its items.

        `kind` is always there. Sources that differ only in MAY_DIFFER may hold the same photos: `content`
        decides.
        """

    @property
    def can_crop(self) -> bool:
        """Whether its items can be cropped or aligned."""

    def faces(self, index: int, framing: Framing) -> list[FramedFace]:
        """The faces in item `names[index]`. Raises Rejected if it can't be used."""

    def content(self, index: int) -> bytes:
        """A short digest of item `names[index]`, which changes when its content does. Never raises."""

    def contains(self, path: Path) -> bool:
        """Whether a file written to `path` would become part of this source."""


class PhotoSource(ABC):
    """A source of encoded photos. A new kind needs `names`, `identity` and `read`."""

    can_crop = True
    _last: tuple[int, bytes | Rejected] | None = None

    @abstractmethod
    def read(self, index: int) -> bytes:
        """The bytes of photo `names[index]`. Raises Rejected if it can't be read or is too large."""

    def faces(self, index: int, framing: Framing) -> list[FramedFace]:
        """The faces in the photo. Raises Rejected if it can't be used."""
        return framing.faces(self._read_once(index))

    def _read_once(self, index: int) -> bytes:
        """The same as `read`, but kept until another photo is read: `content` and `faces` need it in turn."""
        if self._last is None or self._last[0] != index:
            try:
                self._last = index, self.read(index)
            except Rejected as reason:
                self._last = index, reason
        photo = self._last[1]
        if isinstance(photo, Rejected):
            raise Rejected(*photo.args)
        return photo

    def keys(self) -> Sequence[str]:
        """The names of the photos."""
        return self.names  # type: ignore[attr-defined]  # a property or an attribute, depending on the source

    def attributes(self) -> dict[str, Any] | None:
        """None: most sources hold photos only."""
        return None

    def content(self, index: int) -> bytes:
        """The SHA-256 of the photo's bytes, or of the reason why they can't be read."""
        try:
            return hashlib.sha256(self._read_once(index)).digest()
        except Rejected as reason:
            return hashlib.sha256(str(reason).encode()).digest()

    def contains(self, path: Path) -> bool:
        """False: most sources are not folders."""
        return False


def check_bytes(size: int) -> None:
    """Raise Rejected if a file of `size` bytes is too large to be read."""
    if size > FILE_LIMIT:
        raise Rejected(f"larger than {FILE_LIMIT // 2**20} MiB")
