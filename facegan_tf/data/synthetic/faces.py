"""Procedurally drawn faces: a data set without a download, a licence or real people.

A face is a pure function of ``(seed, index)``: :func:`face_attributes` chooses its attributes, and
:func:`draw_attributes` paints it at any size. The attributes are the exact ground truth of the picture.
"""

import numpy as np

from facegan_tf.data.synthetic.attributes import FaceAttributes, face_attributes
from facegan_tf.data.synthetic.drawing import paint_portrait

__all__ = [
    "DRAWING_VERSION",
    "MINIMUM_SIZE",
    "FaceAttributes",
    "draw_attributes",
    "draw_face",
    "face_attributes",
]

DRAWING_VERSION = 1
"""Increased whenever the same ``(seed, index, size)`` gives other pixels."""

MINIMUM_SIZE = 8
"""Smallest height and width of a picture, in pixels."""


def draw_attributes(attributes: FaceAttributes, size: int) -> np.ndarray:
    """Paint ``attributes`` as an antialiased portrait; the face is the same at every size.

    Args:
        attributes: usually from :func:`face_attributes`; change one with ``dataclasses.replace``.
        size: height and width in pixels, >= 8; features are recognisable from 16 on.

    Returns:
        uint8 array [size, size, 3], RGB.

    Raises:
        ValueError: if ``size`` is below 8.
        KeyError: if the name of a style is unknown.
    """
    if size < MINIMUM_SIZE:
        raise ValueError(f"size must be {MINIMUM_SIZE} or more, not {size}")
    return paint_portrait(attributes, size)


def draw_face(seed: int, index: int, size: int) -> np.ndarray:
    """Draw face ``index`` of data set ``seed`` as uint8 [size, size, 3], RGB; a pure function.

    Raises:
        ValueError: if ``seed`` or ``index`` is negative or ``size`` is below 8.
    """
    return draw_attributes(face_attributes(seed, index), size)
