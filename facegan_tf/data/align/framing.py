"""Turns photos into aligned faces: found, rotated and scaled so that they are positioned as CelebA's are."""

from dataclasses import dataclass

from PIL import Image

from facegan_tf.common.errors import InputError, Rejected
from facegan_tf.config.crop import Crop
from facegan_tf.data.align.detect import find_faces
from facegan_tf.data.align.geometry import FRAME, Square, cut, square_of
from facegan_tf.data.decode import decode_whole
from facegan_tf.data.framing import FramedFace
from facegan_tf.data.preview import as_tile

_FACE_IN_FRAME = 72  # pixels of the smaller side of the box around a face in CelebA's photos
_MOST_MIRRORED = 0.4  # share of a square that may lie outside the photo; with more, too little face is left
_NOTE = "some of its faces were dropped: too small, or cut off by the edge of the photo"


class NoFace(Rejected):
    """No face of a photo can be used. `tile` is a small picture of the photo, with what was found."""

    def __init__(self, reason: str, tile: bytes) -> None:
        super().__init__(reason)
        self.tile = tile


@dataclass(frozen=True)
class Aligned:
    """The largest face of each photo that can be used, or all of them."""

    size: int
    crop: Crop
    """The part of CelebA's 178x218 pixels that is kept."""
    all_faces: bool = False
    mirror: bool = True
    """Whether squares may extend beyond the edge of the photo, which is then mirrored there."""
    needs_worker = True

    def check(self) -> None:
        """Raise InputError if the crop does not fit into CelebA's frame."""
        try:
            self.crop.box_in(*FRAME)
        except Rejected:
            problem = "must fit within the {}x{} pixels of CelebA's photos, to which faces are aligned"
            raise InputError("crop", str(self.crop), problem.format(*FRAME)) from None

    def faces(self, content: bytes) -> list[FramedFace]:
        """The aligned faces. Raises Rejected if the photo can't be used, or has no face that can."""
        photo, note = decode_whole(content)
        box = self.crop.box_in(*FRAME)
        found = find_faces(photo, smallest=_FACE_IN_FRAME * self.size / (box[2] - box[0]))
        squares = [square_of(face.landmarks, box) for face in found]
        problems = [self._problem(photo, square) for square in squares]
        good = [square for square, problem in zip(squares, problems, strict=True) if problem is None]
        if not self.all_faces:
            good = good[:1]
        tile = as_tile(photo, [(square.corners(), square in good) for square in squares])
        if not good:
            raise NoFace(problems[0] or "" if problems else "no face was found", tile)
        if self.all_faces and len(good) < len(squares) and note is None:
            note = _NOTE
        return [FramedFace(cut(photo, square, self.size).tobytes(), note, tile) for square in good]

    def _problem(self, photo: Image.Image, square: Square) -> str | None:
        """Why a face can't be used; None if it can."""
        if square.side < self.size:
            side = f"{square.side:.0f}x{square.side:.0f}"
            return f"the face is too small: its square has {side} pixels, fewer than {self.size}x{self.size}"
        outside = square.share_outside(*photo.size)
        if outside > (_MOST_MIRRORED if self.mirror else 0):
            return f"the face is cut off: {max(outside, 0.01):.0%} of its square lies outside the photo"
        return None
