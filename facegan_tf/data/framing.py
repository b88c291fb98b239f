"""How a photo becomes faces of one size: by cropping, or by finding the faces (`align`)."""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

from facegan_tf.config.crop import Crop
from facegan_tf.data.decode import decode_face


class FramedFace(NamedTuple):
    """One face of a store."""

    pixels: bytes
    """RGB, uint8, row by row: size * size * 3 bytes."""
    note: str | None = None
    """What was ignored in the photo, worded the same for every photo; None: nothing."""
    tile: bytes | None = None
    """A small picture (JPEG) of the photo, with the face's box drawn, if faces are searched for."""


class Framing(Protocol):
    """How a photo becomes faces. It pickles into worker processes."""

    @property
    def size(self) -> int:
        """Height and width of a face, in pixels."""

    @property
    def needs_worker(self) -> bool:
        """Whether it should only run in a worker process, because of what it loads there."""

    def faces(self, content: bytes) -> list[FramedFace]:
        """The faces in an encoded photo, one or more. Raises Rejected if there are none."""


@dataclass(frozen=True)
class Cropped:
    """One face for each photo: a square of it, resized."""

    size: int
    crop: Crop
    needs_worker = False

    def faces(self, content: bytes) -> list[FramedFace]:
        """The decoded, cropped and resized photo. Raises Rejected if it can't be used."""
        image, note = decode_face(content, self.size, self.crop)
        return [FramedFace(image.tobytes(), note)]
