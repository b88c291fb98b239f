"""Features and images on which our metrics are compared with reference implementations.

They are drawn with numpy's legacy random streams, which never change, so the fixture holds results only.
"""

import numpy as np

SIZES = (192, 128, 64, 32)
"""Widths in pixels of the pairs for MS-SSIM; only the first has room for all five scales."""


def features() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Generated and reference features, float32 [N, D] and [M, D], by name."""
    random = np.random.RandomState(0)
    mixing = random.normal(size=(64, 64)) / 8

    def draw(count: int, dimensions: int) -> np.ndarray:
        return random.normal(size=(count, dimensions)) @ mixing[:dimensions, :dimensions]

    pooled = [np.maximum(draw(count, 64) + shift, 0) for count, shift in ((400, 0.1), (450, 0))]
    modes = random.normal(size=(5, 8))
    sets = {
        "near": (draw(600, 16) + 0.1, draw(600, 16)),
        "far": (2 * draw(400, 16) + 1, draw(500, 16)),
        "pooled": (pooled[0], pooled[1]),
        "collapsed": (
            modes[np.arange(300) % 5] + 0.05 * random.normal(size=(300, 8)),
            random.normal(size=(600, 8)),
        ),
        "no more than dimensions": (draw(20, 24), draw(24, 24)),
    }
    return {name: (one.astype(np.float32), other.astype(np.float32)) for name, (one, other) in sets.items()}


def smooth_images(count: int, size: int, seed: int, grains: tuple[int, ...] = (4, 16)) -> np.ndarray:
    """uint8 [count, size, size, 3]: grids of noise, `grains` cells a side, enlarged bilinearly and added."""
    random = np.random.RandomState(seed)
    total = np.zeros((count, size, size, 3))
    for cells in grains:
        values = random.normal(size=(count, cells + 1, cells + 1, 3))
        places = np.linspace(0, cells, size, endpoint=False)
        low = places.astype(int)
        share = (places - low)[:, None]
        rows = values[:, low] * (1 - share[:, :, None]) + values[:, low + 1] * share[:, :, None]
        total += rows[:, :, low] * (1 - share) + rows[:, :, low + 1] * share
    return np.clip(128 + 45 * total, 0, 255).astype(np.uint8)


def pairs(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Two arrays uint8 [6, size, size, 3]: equal, noisy, darker, coarser, half another image, inverted."""
    one = smooth_images(6, size, seed=size)
    random = np.random.RandomState(size + 1)
    noisy = np.clip(one[1] + random.normal(size=one[1].shape) * 20, 0, 255)
    coarse = one[3, ::4, ::4].repeat(4, axis=0).repeat(4, axis=1)
    other = [
        one[0],
        noisy,
        one[2] * 0.6,
        coarse,
        one[4] // 2 + smooth_images(1, size, seed=7)[0] // 2,
        255 - one[5],
    ]
    return one, np.stack(other).astype(np.uint8)


def image_sets() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Generated and reference images for SWD, uint8 [N, 64, 64, 3], by name."""
    reference = smooth_images(64, 64, seed=1)
    return {
        "alike": (smooth_images(64, 64, seed=2), reference),
        "finer": (smooth_images(64, 64, seed=3, grains=(4, 32)), reference),
        "coarser": (smooth_images(64, 64, seed=4, grains=(2,)), reference),
    }


def fingerprint() -> float:
    """A number that changes with any of the inputs."""
    arrays = [array for both in (*features().values(), *image_sets().values()) for array in both]
    arrays += [array for size in SIZES for array in pairs(size)]
    return float(sum(array.astype(np.float64).sum() for array in arrays))
