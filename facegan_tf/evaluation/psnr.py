"""PSNR of faces against the nearest real image: an alarm for copied training images."""

from dataclasses import dataclass

import numpy as np

from facegan_tf.common.progress import progress
from facegan_tf.data.store import FaceStore
from facegan_tf.evaluation.metric import Metric, Score
from facegan_tf.evaluation.sides import Sides

POOL_BYTES = 2**25
"""Bytes of reals that are held as floats at once."""
NEIGHBOURS = 3
"""Number of nearest reals found for each face, if there are as many."""
MOST_FACES = 256
"""Most generated faces to check; each is compared with every real that is searched."""
READ_AT_ONCE = 2000
"""Number of reals read from the store at once."""


@dataclass(frozen=True)
class Neighbours:
    """The nearest reals of some faces, the nearest first."""

    psnr: np.ndarray
    """float64 [N, 3], in dB; fewer columns if there are fewer reals."""
    indices: np.ndarray
    """int64, of the same shape: their indices in the store."""


def nearest_psnr(faces: np.ndarray, pool: np.ndarray) -> np.ndarray:
    """PSNR in dB of each face against the image of the pool that is nearest by mean squared error.

    faces: uint8 [N, S, S, 3]; pool: uint8 [P, S, S, 3]; returns float64 [N]. The peak is 255. A perfect copy
    counts as if one value differed by 1, so that every score is finite.
    """
    nearest = squared_differences(faces, pool).min(axis=1)
    return psnr_of(nearest, faces[0].size)


def psnr_among(pool: np.ndarray, count: int) -> np.ndarray:
    """PSNR in dB of each of the pool's first `count` images against the nearest of the others.

    pool: uint8 [P, S, S, 3], P at least 2; returns float64 [min(count, P)]: what two different reals score.
    A generated face that scores higher is nearer to a real than reals are to each other.
    """
    distances = squared_differences(pool[:count], pool)
    np.fill_diagonal(distances, np.inf)
    return psnr_of(distances.min(axis=1), pool[0].size)


def nearest_reals(faces: np.ndarray, store: FaceStore) -> Neighbours:
    """The store's three nearest reals, by mean squared error, to uint8 faces [N, S, S, 3]."""
    count = len(store)
    distances = np.empty((len(faces), 0))
    indices = np.empty((len(faces), 0), np.int64)
    with progress(count, "nearest reals", "image") as bar:
        for start in range(0, count, READ_AT_ONCE):
            read = np.arange(start, min(start + READ_AT_ONCE, count))
            found = squared_differences(faces, store.gather(read))
            all_distances = np.concatenate([distances, found], axis=1)
            all_indices = np.concatenate([indices, np.tile(read, (len(faces), 1))], axis=1)
            order = np.argsort(all_distances, axis=1, kind="stable")[:, :NEIGHBOURS]
            distances = np.take_along_axis(all_distances, order, axis=1)
            indices = np.take_along_axis(all_indices, order, axis=1)
            bar.update(len(read))
    return Neighbours(psnr_of(distances, faces[0].size), indices)


def squared_differences(faces: np.ndarray, pool: np.ndarray) -> np.ndarray:
    """Sums of squared differences, float64 [N, P]; exact, as they are whole numbers far below 2^53."""
    ours = faces.reshape(len(faces), -1).astype(np.float64)
    distances = np.empty((len(faces), len(pool)))
    at_once = max(1, POOL_BYTES // (8 * ours.shape[1]))
    for start in range(0, len(pool), at_once):
        block = pool[start : start + at_once]
        theirs = block.reshape(len(block), -1).astype(np.float64)
        squares = _sums_of_squares(ours)[:, None] + _sums_of_squares(theirs)
        distances[:, start : start + len(block)] = squares - 2 * ours @ theirs.T
    return distances


def _sums_of_squares(rows: np.ndarray) -> np.ndarray:
    return np.einsum("ij,ij->i", rows, rows)  # without an array of all the squares


def psnr_of(squared_differences: np.ndarray, values: int) -> np.ndarray:
    """PSNR in dB for sums of squared differences over `values` values of an image."""
    return 10 * np.log10(255.0**2 * values / np.maximum(squared_differences, 1.0))


def first_faces(sides: Sides) -> np.ndarray:
    """The faces whose nearest reals are searched for: the first 256."""
    return sides.generated[:MOST_FACES]


def neighbours(sides: Sides) -> Neighbours:
    """The nearest reals of the first faces."""
    return nearest_reals(first_faces(sides), sides.searched)


def _score(sides: Sides) -> Score:
    faces = first_faces(sides)
    reals = nearest_reals(sides.reference[: len(faces)], sides.searched)
    another = 1 if sides.searched is sides.store else 0  # a real's nearest among its own is itself
    return Score(
        float(sides.shared(neighbours).psnr[:, 0].mean()),
        of_reference=float(reals.psnr[:, another].mean()),
        settings={"faces": len(faces)},
    )


PSNR = Metric(
    name="psnr",
    meaning="closeness to the nearest real; a score far above the reals' own means copies, or blur",
    compute=_score,
    needs_features=False,
    better=None,
    digits="{:.2f} dB",
    min_count=NEIGHBOURS,
    while_training=False,  # training computes it for the control faces, at each grid
)
