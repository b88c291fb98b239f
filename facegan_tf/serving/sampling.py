"""What `facegan sample` and `facegan interpolate` write."""

import math
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from facegan_tf.common import images
from facegan_tf.common.errors import InputError
from facegan_tf.common.files import atomic_folder, refuse_existing
from facegan_tf.serving.generator import load_generator
from facegan_tf.serving.interpolation import round_trip

SEED_LIMIT = 2**63
GRID_MOST = 400
GRID_NAME = "grid.png"
"""All of a folder's samples in one picture, beside them."""


def write_samples(
    trained: str | Path,
    out: Path,
    count: int,
    seed: int,
    truncation: float = 1.0,
    checkpoint: str = "last",
) -> None:
    """Make the folder `out` with `face_SEED.png` for seeds `seed` to `seed + count - 1`, and grid.png.

    The grid shows the first 400 at most. Raises InputError for a number out of range, if `out` exists,
    or if `trained` is neither a run nor a SavedModel.
    """
    if count < 1:
        raise InputError(f"--count {count}: must be 1 or more")
    if not 0 <= seed < seed + count <= SEED_LIMIT:
        raise InputError(f"--seed {seed}: must be 0 or more, and below 2^63 with --count added")
    if not 0 < truncation <= 1:
        raise InputError(f"--truncation {truncation:g}: must be above 0 and at most 1")
    refuse_existing(out)
    generator = load_generator(trained, checkpoint)
    shown: list[np.ndarray] = []
    with atomic_folder(out) as folder, tqdm(total=count, desc="drawing", unit="face") as bar:
        for start in range(seed, seed + count, images.DRAW_BATCH):
            seeds = range(start, min(start + images.DRAW_BATCH, seed + count))
            faces = generator.sample(seeds, truncation)
            for face_seed, face in zip(seeds, faces, strict=True):
                images.save_png(folder / f"face_{face_seed:06d}.png", face)
            shown.extend(faces[: max(0, GRID_MOST - len(shown))])
            bar.update(len(faces))
        picture = images.grid(shown, columns=math.ceil(math.sqrt(len(shown))))
        images.save_png(folder / GRID_NAME, picture)
    print(f"{out}: {count} faces of {faces.shape[1]} pixels; all at once: {out / GRID_NAME}", file=sys.stderr)


def write_interpolation(
    trained: str | Path, out: Path, seeds: Sequence[int], frames: int, checkpoint: str = "last"
) -> None:
    """Write the GIF `out` that passes through the faces of `seeds`, `frames` pictures from each to the next.

    It ends where it began, so it loops. Raises InputError as `write_samples` does.
    """
    if len(seeds) < 2:
        raise InputError(f"--seeds {','.join(map(str, seeds))}: must name two faces or more")
    if not all(0 <= seed < SEED_LIMIT for seed in seeds):
        raise InputError(f"--seeds {','.join(map(str, seeds))}: each must be 0 or more, and below 2^63")
    if not 1 <= frames <= 1000:
        raise InputError(f"--frames {frames}: must be 1 to 1000")
    if out.suffix.lower() != ".gif":
        raise InputError(f"--out {out}: must end in .gif, which is all that can be written")
    refuse_existing(out)
    generator = load_generator(trained, checkpoint)
    faces = generator.draw(round_trip(generator.latents(seeds), frames))
    images.save_gif(out, (Image.fromarray(face) for face in faces), frame_ms=60)
    print(f"{out}: {len(faces)} frames of {faces.shape[1]} pixels", file=sys.stderr)
