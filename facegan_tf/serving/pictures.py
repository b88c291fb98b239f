"""Pictures for people, as files: a face, a grid of faces, and a walk from face to face."""

import math
from collections.abc import Sequence

import numpy as np
from PIL import Image

from facegan_tf.common import images

FRAME_MS = 60
"""How long a walk shows each face, in milliseconds."""


def face_png(face: np.ndarray, size: int | None = None) -> bytes:
    """A face uint8 [S, S, 3] as a PNG file, `size` pixels wide if it is given."""
    return images.encode_png(np.asarray(resized(face, size)))


def grid_png(faces: np.ndarray | Sequence[np.ndarray], size: int | None = None) -> bytes:
    """Faces uint8 [N, S, S, 3] in a square, row by row, as a PNG file."""
    return images.encode_png(grid([np.asarray(resized(face, size)) for face in faces]))


def grid(faces: np.ndarray | Sequence[np.ndarray]) -> np.ndarray:
    """Faces uint8 [N, S, S, 3] in a square, row by row, as one picture."""
    return images.grid(faces, columns=math.ceil(math.sqrt(len(faces))))


def walk_gif(faces: np.ndarray, size: int | None = None) -> bytes:
    """Frames uint8 [N, S, S, 3] as a GIF file that loops."""
    return images.encode_gif((resized(face, size) for face in faces), FRAME_MS)


def resized(face: np.ndarray, size: int | None) -> Image.Image:
    """A face uint8 [S, S, 3] as a picture, enlarged or reduced to `size` pixels if it is given."""
    picture = Image.fromarray(face)
    if size in (None, face.shape[0]):
        return picture
    return picture.resize((size, size), Image.Resampling.LANCZOS)
