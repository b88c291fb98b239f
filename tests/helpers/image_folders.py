"""Folders of images made from stores."""

from pathlib import Path

import numpy as np
from PIL import Image

from facegan_tf.data.store import FaceStore


def folder_of(store: Path, count: int, folder: Path) -> Path:
    """Write the store's first `count` images as PNG files."""
    folder.mkdir()
    for index, image in enumerate(FaceStore.open(store).gather(np.arange(count))):
        Image.fromarray(image).save(folder / f"{index:03d}.png")
    return folder
