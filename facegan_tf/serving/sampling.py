"""Writes faces to files: `facegan sample` and `facegan interpolate`."""

import itertools
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from facegan_tf.common import images
from facegan_tf.common.errors import InputError
from facegan_tf.common.files import atomic_folder, refuse_existing, writable_parent
from facegan_tf.run.restore import LAST, RunState
from facegan_tf.serving import pictures
from facegan_tf.serving.generator import SEED_LIMIT, load_generator
from facegan_tf.serving.interpolation import round_trip

MAX_IN_GRID = 400
"""Most faces shown in a grid."""
GRID_NAME = "grid.png"
"""Name of the picture that shows the samples of a folder together."""
MAX_FRAMES = 1000
"""Most frames from one face to the next."""


def write_samples(
    trained: str | Path,
    out: Path,
    count: int,
    seed: int,
    truncation: float = 1.0,
    state: RunState = LAST,
) -> None:
    """Create the folder `out` with `face_SEED.png` for `count` seeds from `seed` on, and grid.png.

    trained: a run directory or an exported SavedModel. truncation: above 0, at most 1; see
    `FaceGenerator.sample`. The grid shows the first 400 faces at most. Raises InputError for a number out of
    range, if `out` exists or can't be written, and as `load_generator` does.
    """
    if count < 1:
        raise InputError("count", count, "must be 1 or more")
    if not 0 <= seed < seed + count <= SEED_LIMIT:
        raise InputError("seed", seed, f"must be 0 or more, and below 2^63 with `count` ({count:,}) added")
    if not 0 < truncation <= 1:
        raise InputError("truncation", truncation, "must be above 0 and at most 1")
    refuse_existing(out)
    writable_parent(out)
    generator = load_generator(trained, state.checkpoint, state.weights)
    in_grid: list[np.ndarray] = []
    with atomic_folder(out) as folder, tqdm(total=count, desc="drawing", unit="face") as bar:
        for start in range(seed, seed + count, images.DRAW_BATCH):
            seeds = range(start, min(start + images.DRAW_BATCH, seed + count))
            faces = generator.sample(seeds, truncation)
            for face_seed, face in zip(seeds, faces, strict=True):
                images.save_png(folder / f"face_{face_seed:06d}.png", face)
            in_grid.extend(faces[: max(0, MAX_IN_GRID - len(in_grid))])
            bar.update(len(faces))
        images.save_png(folder / GRID_NAME, pictures.grid(in_grid))
    shown = "all of them" if count <= MAX_IN_GRID else f"the first {MAX_IN_GRID}"
    print(f"{out}: {count} faces of {faces.shape[1]} pixels; {GRID_NAME} shows {shown}", file=sys.stderr)
    if len(in_grid) > 1:
        _warn_if_all_equal(in_grid, f"{out}: all faces are the same (truncation {truncation:g})")


def write_interpolation(
    trained: str | Path, out: Path, seeds: Sequence[int], frames: int, state: RunState = LAST
) -> None:
    """Write the GIF `out`, which passes through the faces of `seeds` and returns to the first, in a loop.

    trained: a run directory or an exported SavedModel. seeds: two or more; neighbours must differ, and so
    must the last and the first. frames: 2 to 1000 from each face to the next. Raises InputError for anything
    else, if `out` exists or can't be written, and as `load_generator` does.
    """
    _check_seeds(seeds)
    if not 2 <= frames <= MAX_FRAMES:
        problem = f"must be 2 to {MAX_FRAMES:,}; with 1 there would be nothing between the faces"
        raise InputError("frames", frames, problem)
    if out.suffix.lower() != ".gif":
        raise InputError("out", out, "must end in .gif, the only format that can be written")
    refuse_existing(out)
    writable_parent(out)
    generator = load_generator(trained, state.checkpoint, state.weights)
    faces = generator.draw(round_trip(generator.latents(seeds), frames))
    images.save_gif(out, (Image.fromarray(face) for face in faces), frame_ms=pictures.FRAME_MS)
    print(f"{out}: {len(faces)} frames of {faces.shape[1]} pixels", file=sys.stderr)
    _warn_if_all_equal(faces, f"{out}: nothing moves: the generator draws the same face from all these seeds")


def _check_seeds(seeds: Sequence[int]) -> None:
    """Raise InputError unless the seeds are in range and lead from each face to a different one."""
    given = ",".join(map(str, seeds))
    if len(seeds) < 2:
        raise InputError("seeds", given, "must name two faces or more, such as 1,2")
    if not all(0 <= seed < SEED_LIMIT for seed in seeds):
        raise InputError("seeds", given, "each must be 0 or more, and below 2^63")
    for seed, following in itertools.pairwise(seeds):
        if seed == following:
            problem = f"has {seed} twice in a row, so nothing would move there; leave one out, or change it"
            raise InputError("seeds", given, problem)
    if seeds[0] == seeds[-1]:
        problem = f"ends with {seeds[0]}, to which the GIF returns anyway; leave the last seed out"
        raise InputError("seeds", given, problem)


def _warn_if_all_equal(faces: Sequence[np.ndarray] | np.ndarray, warning: str) -> None:
    if all(np.array_equal(face, faces[0]) for face in faces):
        print(f"warning: {warning}", file=sys.stderr)
