"""Turns what the nets return into pixels, grids, and PNG and GIF files."""

import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO

import numpy as np
import tensorflow as tf
from PIL import Image

from facegan_tf.common.files import atomic_file

DRAW_BATCH = 16
"""Number of faces drawn at a time; bounds the memory that the largest nets need."""


def to_uint8(images: tf.Tensor) -> tf.Tensor:
    """Float images in [-1, 1] to uint8 in 0..255, rounded to nearest; values outside are clipped."""
    return tf.cast(tf.clip_by_value(tf.round((images + 1.0) * 127.5), 0.0, 255.0), tf.uint8)


def split_batches(items: np.ndarray | tf.Tensor) -> list[tf.Tensor]:
    """Split latents [N, ...] into batches of at most DRAW_BATCH, in order."""
    starts = range(0, len(items), DRAW_BATCH)
    return [tf.convert_to_tensor(items[start : start + DRAW_BATCH]) for start in starts]


def grid(images: np.ndarray | Sequence[np.ndarray], columns: int) -> np.ndarray:
    """Arrange uint8 images [N, S, S, 3] in one picture [rows * S, columns * S, 3].

    Rows are filled first; cells without an image are black.

    >>> faces = np.zeros((5, 32, 32, 3), np.uint8)
    >>> grid(faces, columns=3).shape
    (64, 96, 3)
    """
    count, size = len(images), images[0].shape[0]
    rows = -(-count // columns)
    cells = np.zeros((rows * columns, size, size, 3), np.uint8)
    cells[:count] = images
    by_row = cells.reshape(rows, columns, size, size, 3).transpose(0, 2, 1, 3, 4)
    return by_row.reshape(rows * size, columns * size, 3)


def encode_png(picture: np.ndarray) -> bytes:
    """The PNG file of a picture uint8 [H, W, 3]."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, format="PNG")
    return file.getvalue()


def save_png(path: Path, picture: np.ndarray) -> None:
    """Write uint8 [H, W, 3] as PNG, atomically."""
    with atomic_file(path) as partial:
        partial.write_bytes(encode_png(picture))


def encode_gif(frames: Iterable[Image.Image], frame_ms: int) -> bytes:
    """The GIF file that `save_gif` would write."""
    file = io.BytesIO()
    _write_gif(file, frames, frame_ms)
    return file.getvalue()


def save_gif(path: str | Path, frames: Iterable[Image.Image], frame_ms: int) -> None:
    """Write frames of one size as a GIF that loops, atomically.

    frames: consumed one at a time, so that an iterator needs little memory. frame_ms: duration of each frame,
    in milliseconds.
    """
    with atomic_file(Path(path)) as partial, partial.open("wb") as file:
        _write_gif(file, frames, frame_ms)


def _write_gif(file: IO[bytes], frames: Iterable[Image.Image], frame_ms: int) -> None:
    # One palette for each frame: with that of the first, noisy frame, later faces would show bands.
    paletted = (frame.convert("RGB").quantize(256, Image.Quantize.MEDIANCUT) for frame in frames)
    first = next(paletted)
    first.save(file, format="GIF", save_all=True, append_images=paletted, duration=frame_ms, loop=0)
