"""PSNR of faces against the nearest real image: an alarm for training images that are copied."""

import numpy as np

POOL_BYTES = 2**25
"""Of the reals that are held as floats at once."""


def nearest_psnr(faces: np.ndarray, pool: np.ndarray) -> np.ndarray:
    """PSNR in dB of each face against the image of the pool that is nearest by mean squared error.

    faces: uint8 [N, S, S, 3]; pool: uint8 [P, S, S, 3]; returns float64 [N]. The peak is 255. A
    perfect copy counts as if one value differed by 1, so that every score is finite.
    """
    nearest = squared_differences(faces, pool).min(axis=1)
    return psnr_of(nearest, faces[0].size)


def psnr_among(pool: np.ndarray, count: int) -> np.ndarray:
    """PSNR in dB of the pool's first `count` images, each against the nearest of its others.

    pool: uint8 [P, S, S, 3], P at least 2; returns float64 [min(count, P)]: what two different real
    images score. Generated faces that score more are nearer to a real than another real is.
    """
    distances = squared_differences(pool[:count], pool)
    np.fill_diagonal(distances, np.inf)
    return psnr_of(distances.min(axis=1), pool[0].size)


def squared_differences(faces: np.ndarray, pool: np.ndarray) -> np.ndarray:
    """Sums of squared differences float64 [N, P], exact: whole numbers far below 2^53."""
    ours = faces.reshape(len(faces), -1).astype(np.float64)
    distances = np.empty((len(faces), len(pool)))
    at_once = max(1, POOL_BYTES // (8 * ours.shape[1]))
    for start in range(0, len(pool), at_once):
        part = pool[start : start + at_once]
        theirs = part.reshape(len(part), -1).astype(np.float64)
        squares = (ours**2).sum(axis=1)[:, None] + (theirs**2).sum(axis=1)
        distances[:, start : start + len(part)] = squares - 2 * ours @ theirs.T
    return distances


def psnr_of(squared_differences: np.ndarray, values: int) -> np.ndarray:
    """PSNR in dB for sums of squared differences over so many values of an image."""
    return 10 * np.log10(255.0**2 * values / np.maximum(squared_differences, 1.0))
