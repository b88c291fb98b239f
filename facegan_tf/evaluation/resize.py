"""Resizes images for a feature network, as clean-fid does.

Parmar, Zhang and Zhu, "On aliased resizing and surprising subtleties in GAN evaluation", 2022: Pillow's
bicubic filter, which widens as the image shrinks and so doesn't alias, on each channel in float32, clipped to
0 and 255 but not rounded to 8 bits. TensorFlow and PyTorch don't antialias by default, which changes FID
by more than the difference between models.
"""

import numpy as np
from PIL import Image

NAME = "Pillow bicubic, antialiased, float32 in 0..255 (clean-fid)"


def resize(images: np.ndarray, size: int) -> np.ndarray:
    """uint8 [N, S, S, 3] -> float32 [N, size, size, 3] in 0..255.

    Images that already have that size keep their values.
    """
    if images.shape[1] == size:
        return images.astype(np.float32)
    resized = np.empty((len(images), size, size, 3), np.float32)
    for image, target in zip(images, resized, strict=True):
        for channel in range(3):
            plane = Image.fromarray(image[:, :, channel].astype(np.float32))  # mode F
            target[:, :, channel] = np.asarray(plane.resize((size, size), Image.Resampling.BICUBIC))
    return np.clip(resized, 0, 255, out=resized)  # bicubic overshoots at edges
