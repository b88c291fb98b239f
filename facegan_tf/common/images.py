"""Pictures: pixels of the nets' values, grids, PNG and GIF files."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf
from PIL import Image

from facegan_tf.common.files import atomic_file

DRAWN_AT_ONCE = 16
"""Faces that a generator draws at once: bounds the memory that the largest nets take for many faces."""


def to_uint8(images: tf.Tensor) -> tf.Tensor:
    """Float images in [-1, 1] -> uint8 in 0..255, rounded to nearest; values outside are clipped."""
    return tf.cast(tf.clip_by_value(tf.round((images + 1.0) * 127.5), 0.0, 255.0), tf.uint8)


def in_parts(items: np.ndarray | tf.Tensor) -> list[tf.Tensor]:
    """Latents or seeds [N, ...] in parts of DRAWN_AT_ONCE, in order."""
    starts = range(0, len(items), DRAWN_AT_ONCE)
    return [tf.convert_to_tensor(items[start : start + DRAWN_AT_ONCE]) for start in starts]


def grid(images: np.ndarray | Sequence[np.ndarray], columns: int) -> np.ndarray:
    """uint8 [N, S, S, 3] -> one picture [rows * S, columns * S, 3], rows filled first, the rest black."""
    count, size = len(images), images[0].shape[0]
    rows = -(-count // columns)
    cells = np.zeros((rows * columns, size, size, 3), np.uint8)
    cells[:count] = images
    by_row = cells.reshape(rows, columns, size, size, 3).transpose(0, 2, 1, 3, 4)
    return by_row.reshape(rows * size, columns * size, 3)


def save_png(path: Path, picture: np.ndarray) -> None:
    """Write uint8 [H, W, 3] as PNG, atomically."""
    with atomic_file(path) as partial:
        Image.fromarray(picture).save(partial, format="PNG")


def save_gif(path: str | Path, frames: Iterable[Image.Image], frame_ms: int) -> None:
    """Write frames of one size as an endless GIF, atomically; frames are consumed one at a time.

    frame_ms: how long each is shown, in milliseconds.
    """
    # One palette a frame: a palette shared with the first, noisy frame would band the later faces.
    paletted = (frame.convert("RGB").quantize(256, Image.Quantize.MEDIANCUT) for frame in frames)
    first = next(paletted)
    with atomic_file(Path(path)) as partial:
        first.save(partial, format="GIF", save_all=True, append_images=paletted, duration=frame_ms, loop=0)
