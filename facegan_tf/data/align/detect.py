"""Finds faces and their landmarks with MTCNN.

K. Zhang, Z. Zhang, Z. Li, Y. Qiao, "Joint Face Detection and Alignment Using Multitask Cascaded Convolutional
Networks" (2016), as the package mtcnn 1.0 computes it with TensorFlow.
"""

import importlib.util
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from facegan_tf.common.errors import InputError

LANDMARKS = ("left eye", "right eye", "nose", "left corner of the mouth", "right corner of the mouth")
"""The landmarks, in order. Left is left in the picture."""

_MOST_PIXELS = 1536  # of the longer side of the picture that is searched; larger photos are reduced to it
_LEAST_PIXELS = 400  # photos of fewer pixels are searched as they are
_LEAST_FACE = 20  # pixels of the smallest face that MTCNN looks for
_LEAST_SIDE = 24  # pixels; MTCNN fails on smaller pictures
_SURE = 0.9  # lowest confidence, 0 to 1, at which a face counts


class FoundFace(NamedTuple):
    """A face in a photo, in pixels of the photo."""

    box: tuple[float, float, float, float]
    """(left, top, width, height)."""
    landmarks: np.ndarray
    """float64 [5, 2], (x, y) of LANDMARKS; the centre of the top left pixel is at (0.5, 0.5)."""


def require_detector() -> None:
    """Raise InputError if mtcnn is not installed."""
    if importlib.util.find_spec("mtcnn") is None:
        raise InputError("align", None, "needs the extra `align`: pip install 'facegan_tf[align]'")


def find_faces(photo: Image.Image, smallest: float) -> list[FoundFace]:
    """All faces in an RGB photo, the largest first.

    smallest: pixels of the smallest box that matters; a large photo is searched at a lower resolution, at
    which such a face can still be found.
    """
    longer = max(photo.size)
    scale = min(1.0, max(2 * _LEAST_FACE / smallest, _LEAST_PIXELS / longer), _MOST_PIXELS / longer)
    searched = photo
    if scale < 1:
        size = (max(1, round(photo.width * scale)), max(1, round(photo.height * scale)))
        searched = photo.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    if min(searched.size) < _LEAST_SIDE:
        return []
    # [N, 16]: number of the picture, left, top, width, height, confidence, five x, five y. The centres of
    # pixels are whole numbers.
    found = _detector().detect_faces(np.asarray(searched), fit_to_image=False, output_type="numpy")
    found = found[np.isfinite(found).all(axis=1) & (found[:, 5] >= _SURE)]
    ratio = np.array(photo.size) / np.array(searched.size)
    faces = []
    for row in found.astype(np.float64):
        left, top = (row[1:3] + 0.5) * ratio
        width, height = row[3:5] * ratio
        landmarks = (np.stack([row[6:11], row[11:16]], axis=1) + 0.5) * ratio
        faces.append(FoundFace((left, top, width, height), landmarks))
    return sorted(faces, key=lambda face: (-face.box[2] * face.box[3], face.box))


@cache
def _detector() -> Any:
    from facegan_tf.common.tensorflow_start import start_tensorflow

    start_tensorflow()
    import mtcnn  # an optional package, which imports TensorFlow

    return mtcnn.MTCNN()
