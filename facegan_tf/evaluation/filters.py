"""Small separable filters for square images, as matrices: one product filters rows, another columns."""

import numpy as np


def mirrored(kernel: np.ndarray, size: int) -> np.ndarray:
    """The matrix [size, size] that filters `size` pixels with `kernel` [K], K odd and K // 2 below size.

    At the borders the image is mirrored without repeating the outermost pixels.
    """
    half = len(kernel) // 2
    padding = np.pad(np.eye(size, dtype=kernel.dtype), ((half, half), (0, 0)), mode="reflect")
    return sum(weight * padding[shift : shift + size] for shift, weight in enumerate(kernel))


def apply(matrix: np.ndarray, images: np.ndarray) -> np.ndarray:
    """Filter rows and columns with the same matrix [T, S]: [N, S, S, C] -> [N, T, T, C]."""
    rows = np.einsum("th,nhwc->ntwc", matrix, images, optimize=True)
    return np.einsum("tw,nhwc->nhtc", matrix, rows, optimize=True)
