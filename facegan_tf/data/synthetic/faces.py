"""Procedurally drawn faces: a data set without download, licence or real persons.

A face is a pure function of ``(seed, index)``: :func:`face_attributes` says what it looks like and
:func:`draw_attributes` paints it at any size. The attributes are the exact ground truth of the picture.
"""

from __future__ import annotations

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
"""Raised whenever the same ``(seed, index, size)`` would give other pixels."""

MINIMUM_SIZE = 8


def draw_attributes(attributes: FaceAttributes, size: int) -> np.ndarray:
    """Paint ``attributes`` as an anti-aliased portrait; the same face at every size.

    Args:
        attributes: usually from :func:`face_attributes`; ``dataclasses.replace`` changes one of them.
        size: height and width in pixels, >= 8; features can be told apart from 16 on.

    Returns:
        uint8 array [size, size, 3], RGB.

    Raises:
        ValueError: if ``size`` is below 8.
        KeyError: if a style's name is unknown.
    """
    if size < MINIMUM_SIZE:
        raise ValueError(f"size must be {MINIMUM_SIZE} or more, not {size}")
    return paint_portrait(attributes, size)


def draw_face(seed: int, index: int, size: int) -> np.ndarray:
    """Face ``index`` of data set ``seed`` as uint8 [size, size, 3]; a pure function of its arguments.

    Raises:
        ValueError: if ``seed`` or ``index`` is negative or ``size`` is below 8.
    """
    return draw_attributes(face_attributes(seed, index), size)
