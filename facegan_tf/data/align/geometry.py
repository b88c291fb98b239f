"""From landmarks to a square of the photo, rotated and scaled to position the face as CelebA's are."""

import math
from typing import NamedTuple

import numpy as np
from PIL import Image

FRAME = (178, 218)
"""Width and height of CelebA's aligned photos, in pixels. Crops of aligned faces are in these coordinates."""

TEMPLATE = np.array([(69.9, 112.0), (108.3, 111.9), (88.5, 135.9), (71.7, 153.1), (106.4, 153.0)])
"""Where CelebA's landmarks are in FRAME, as (x, y) of `detect.LANDMARKS`.

The means of what MTCNN finds in CelebA's own aligned photos, by benchmarks/alignment.py. The means of
list_landmarks_align_celeba.txt, which people annotated, are less than a pixel away.
"""

_FITTED = [0, 1, 3, 4]  # eyes and mouth: the nose moves most when a head turns


class Square(NamedTuple):
    """A rotated square in a photo, as an affine map: x = a u + b v + c, y = -b u + a v + d.

    It maps places (u, v) in the square, each in 0..1, to pixels (x, y) of the photo.
    """

    a: float
    b: float
    c: float
    d: float

    @property
    def side(self) -> float:
        """Pixels of the photo along a side."""
        return math.hypot(self.a, self.b)

    def at(self, places: np.ndarray) -> np.ndarray:
        """Pixels (x, y) of the photo at places (u, v) of the square: float64 [N, 2]."""
        u, v = places[:, 0], places[:, 1]
        return np.stack([self.a * u + self.b * v + self.c, -self.b * u + self.a * v + self.d], axis=1)

    def corners(self) -> list[float]:
        """x and y of the four corners, one after the other."""
        return self.at(np.array([(0, 0), (1, 0), (1, 1), (0, 1)], np.float64)).ravel().tolist()

    def share_outside(self, width: int, height: int) -> float:
        """The share of its area, 0 to 1, that lies outside a photo of this size."""
        steps = (np.arange(64) + 0.5) / 64
        points = self.at(np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2))
        inside = ((points >= 0) & (points <= (width, height))).all(axis=1)
        return 1.0 - float(inside.mean())


def square_of(landmarks: np.ndarray, box: tuple[int, int, int, int]) -> Square:
    """The square of a photo that becomes the part `box` (left, top, right, bottom) of FRAME.

    landmarks: float64 [5, 2], in pixels of the photo. The map from FRAME to the photo is the similarity
    (turn, scale and shift) that brings TEMPLATE's eyes and mouth nearest to the photo's, by least squares:
    S. Umeyama, "Least-squares estimation of transformation parameters between two point patterns" (1991).
    """
    found, wanted = (points[_FITTED] @ (1, 1j) for points in (landmarks, TEMPLATE))  # as complex numbers
    centred = wanted - wanted.mean()
    turn = np.vdot(centred, found - found.mean()) / np.vdot(centred, centred).real
    left, top, right, _ = box
    start = found.mean() + turn * (left + 1j * top - wanted.mean())
    across = turn * (right - left)
    return Square(float(across.real), float(-across.imag), float(start.real), float(start.imag))


def cut(photo: Image.Image, square: Square, size: int) -> Image.Image:
    """The square of an RGB photo, as `size` x `size` pixels; what lies outside the photo is mirrored there.

    The photo is turned at its own resolution, with bicubic interpolation, and then reduced with an
    antialiased Lanczos filter.
    """
    points = np.array(square.corners()).reshape(4, 2)
    first = np.floor(points.min(axis=0)).astype(int) - 3
    last = np.ceil(points.max(axis=0)).astype(int) + 3
    columns, rows = (
        _mirrored(np.arange(start, stop), length)
        for start, stop, length in zip(first, last, photo.size, strict=True)
    )
    near = photo.crop((int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1))
    pixels = np.asarray(near)[np.ix_(rows - rows.min(), columns - columns.min())]
    side = max(size, math.ceil(square.side))
    across, down = square.a / side, square.b / side
    turned = Image.fromarray(pixels).transform(
        (side, side),
        Image.Transform.AFFINE,
        (across, down, square.c - first[0], -down, across, square.d - first[1]),
        Image.Resampling.BICUBIC,
    )
    return turned if side == size else turned.resize((size, size), Image.Resampling.LANCZOS)


def _mirrored(places: np.ndarray, length: int) -> np.ndarray:
    """Places along a side of a photo; those outside 0..length-1 are mirrored at its edge."""
    places = places % (2 * length)
    return np.where(places < length, places, 2 * length - 1 - places)
