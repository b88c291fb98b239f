"""Generated faces beside their nearest reals: whether training images were memorised, to be seen."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from facegan_tf.common import images
from facegan_tf.common.progress import progress
from facegan_tf.data.store import FaceStore
from facegan_tf.evaluation.psnr import psnr_of, squared_differences

NEIGHBOURS = 3
MOST_FACES = 256
"""Of the generated ones that are looked at; each is compared with every real of the store."""
READ_AT_ONCE = 2000

_ROWS = 8
_TILE = 64  # pixels a side at least: smaller faces are enlarged
_GAP, _TITLE = 8, 18


@dataclass(frozen=True)
class Neighbours:
    """The nearest reals of some faces."""

    psnr: np.ndarray
    """float64 [N, 3], dB: of the nearest, of the next, and of the third."""
    indices: np.ndarray
    """int64 [N, 3], their places in the store."""


def nearest_reals(faces: np.ndarray, store: FaceStore) -> Neighbours:
    """The nearest of the store's 3 or more reals, by mean squared error, to uint8 faces [N, S, S, 3]."""
    count = len(store)
    distances = np.full((len(faces), NEIGHBOURS), np.inf)
    indices = np.zeros((len(faces), NEIGHBOURS), np.int64)
    with progress(count, "nearest reals", "image") as bar:
        for start in range(0, count, READ_AT_ONCE):
            places = np.arange(start, min(start + READ_AT_ONCE, count))
            found = squared_differences(faces, store.gather(places))
            all_distances = np.concatenate([distances, found], axis=1)
            all_indices = np.concatenate([indices, np.tile(places, (len(faces), 1))], axis=1)
            order = np.argsort(all_distances, axis=1, kind="stable")[:, :NEIGHBOURS]
            distances = np.take_along_axis(all_distances, order, axis=1)
            indices = np.take_along_axis(all_indices, order, axis=1)
            bar.update(len(places))
    return Neighbours(psnr_of(distances, faces[0].size), indices)


def save_picture(path: Path, faces: np.ndarray, neighbours: Neighbours, store: FaceStore) -> None:
    """Write the picture as PNG: faces, each with its three nearest reals to the right of it.

    Left the first eight faces, as they come; right the eight that are nearest to a real.
    """
    first = np.arange(min(_ROWS, len(faces)))
    closest = np.argsort(-neighbours.psnr[:, 0], kind="stable")[:_ROWS]
    blocks = [
        _block(f"the first {len(first)}, and their nearest reals", faces, first, neighbours, store),
        _block(f"of {len(faces)} those nearest to a real", faces, closest, neighbours, store),
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
