"""A picture of generated faces beside their nearest reals, to see whether training images were memorised."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from facegan_tf.common import images
from facegan_tf.data.store import FaceStore
from facegan_tf.evaluation.psnr import Neighbours

_ROWS = 8
_TILE = 64  # least width of a face, in pixels; smaller faces are enlarged
_GAP, _TITLE = 8, 18


def save_picture(path: Path, faces: np.ndarray, neighbours: Neighbours, store: FaceStore) -> None:
    """Write a PNG that shows faces, uint8 [N, S, S, 3], each with its three nearest reals to its right.

    The left half shows the first eight faces, the right half the eight that are nearest to a real.
    """
    first = np.arange(min(_ROWS, len(faces)))
    closest = np.argsort(-neighbours.psnr[:, 0], kind="stable")[:_ROWS]
    blocks = [
        _block(f"the first {len(first)} faces and their nearest reals", faces, first, neighbours, store),
        _block(
            f"the {len(closest)} of {len(faces)} faces nearest to a real", faces, closest, neighbours, store
        ),
    ]
    gap = np.full((blocks[0].shape[0], 2 * _GAP, 3), 255, np.uint8)
    images.save_png(path, np.concatenate([blocks[0], gap, blocks[1]], axis=1))


def _block(
    title: str,
    faces: np.ndarray,
    chosen: Sequence[int] | np.ndarray,
    neighbours: Neighbours,
    store: FaceStore,
) -> np.ndarray:
    rows = []
    for index in chosen:
        row = [faces[index], *store.gather(neighbours.indices[index])]
        face, *reals = (_enlarged(image) for image in row)
        gap = np.full((len(face), _GAP, 3), 255, np.uint8)
        rows.append(np.concatenate([face, gap, *reals], axis=1))
    picture = np.concatenate(rows)
    head = Image.new("RGB", (picture.shape[1], _TITLE), "white")
    ImageDraw.Draw(head).text((2, 2), title, fill="black", font=ImageFont.load_default(12))
    return np.concatenate([np.asarray(head), picture])


def _enlarged(image: np.ndarray) -> np.ndarray:
    factor = -(-_TILE // len(image))
    return image.repeat(factor, axis=0).repeat(factor, axis=1)
