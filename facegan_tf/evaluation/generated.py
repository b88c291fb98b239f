"""Loads the images to score: drawn by a run or a SavedModel, or read from a folder, a zip or a store."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from facegan_tf.common.errors import InputError, Rejected
from facegan_tf.common.images import DRAW_BATCH
from facegan_tf.common.progress import progress
from facegan_tf.data.decode import decode_whole, pillow_warnings
from facegan_tf.data.sources import PhotoSource, open_source
from facegan_tf.data.store import FaceStore, is_store
from facegan_tf.model.gan import GAN
from facegan_tf.model.state import weights_sha256
from facegan_tf.run.directory import RunDirectory
from facegan_tf.run.restore import LAST, RunState, is_savedmodel, restore_run
from facegan_tf.serving.generator import SEED_LIMIT, FaceGenerator, load_generator
from facegan_tf.serving.sampling import GRID_NAME

DEFAULT_COUNT = 2000


@dataclass(frozen=True)
class GeneratedImages:
    """Images to score, and where they come from."""

    images: np.ndarray
    """uint8 [N, S, S, 3]."""
    facts: dict[str, Any]
    """Their origin, for the record: JSON values."""


@dataclass(frozen=True)
class Wanted:
    """Which images to score against a reference."""

    size: int
    """Their width in pixels, which is that of the reference's images."""
    count: int | None
    """Their number, or None for as many as both sides have, up to 2,000."""
    available: int
    """Images in the reference."""
    seed: int = 0
    """Seed of the first face that a generator draws; the next faces have the next seeds."""

    @property
    def at_most(self) -> int:
        """The number of images to load if there are enough."""
        return min(DEFAULT_COUNT, self.available) if self.count is None else self.count

    def check(self, what: str | Path, count: int) -> None:
        """Raise InputError if `what`, which has `count` images, has fewer than were asked for."""
        if self.count is not None and count < self.count:
            problem = f"{what} has only {count:,} images; lower it, or add images"
            raise InputError("count", self.count, problem)


def load_generated(path: Path, wanted: Wanted, state: RunState = LAST) -> GeneratedImages:
    """The images to score at `path`, all of the reference's size.

    A run or a SavedModel draws them, as `facegan sample` does. From a folder, a zip or a store, the first
    ones by name are taken. state: the checkpoint and weights to use, for a run. Raises InputError if they
    can't be loaded, or are fewer than wanted.
    """
    if is_savedmodel(path):
        generator = load_generator(path, state.checkpoint, state.weights)
        images = draw(generator, wanted.at_most, wanted.seed, wanted.size)
        return GeneratedImages(images, {"kind": "SavedModel", **_drawn(path, wanted.seed, len(images))})
    if RunDirectory(path).exists():
        gan, _ = restore_run(path, state.checkpoint)
        images = draw(FaceGenerator.of(gan, state), wanted.at_most, wanted.seed, wanted.size)
        return GeneratedImages(images, run_facts(path, gan, state, wanted.seed, len(images)))
    for name, value, default in (
        ("checkpoint", state.checkpoint, LAST.checkpoint),
        ("weights", state.weights, LAST.weights),
    ):
        if value != default:
            raise InputError(name, value, f"{path} is not a run; leave it out")
    if is_store(path):
        store = FaceStore.open(path)
        wanted.check(path, len(store))
        _check_size(str(path), store.size, wanted.size)
        images = store.gather(np.arange(min(wanted.at_most, len(store))))
        return GeneratedImages(images, {"kind": "store", **store_facts(store)})
    return _read_images(path, wanted)


def draw(generator: FaceGenerator, count: int, seed: int, size: int) -> np.ndarray:
    """The faces uint8 [count, size, size, 3] with the seeds from `seed` on.

    Raises InputError if the generator draws another size.
    """
    if not 0 <= seed < seed + count <= SEED_LIMIT:
        raise InputError("seed", seed, "must be 0 or more, and below 2^63 with `count` added")
    parts = []
    with progress(count, "drawing", "face") as bar:
        for start in range(seed, seed + count, DRAW_BATCH):
            latents = generator.latents(range(start, min(start + DRAW_BATCH, seed + count)))
            parts.append(generator.draw(latents))
            _check_size("the generator", parts[0].shape[1], size)
            bar.update(len(parts[-1]))
    return np.concatenate(parts)


def store_facts(store: FaceStore) -> dict[str, Any]:
    """Where a store's images come from, for the record: JSON values."""
    manifest = store.manifest
    return {
        "path": str(store.folder.absolute()),
        "fingerprint": store.fingerprint,
        "images": len(store),
        "source": manifest.source,
        "crop": manifest.crop,
        "filter": manifest.filter,
        "size": store.size,
    }


def run_facts(path: Path, gan: GAN, state: RunState, seed: int, count: int) -> dict[str, Any]:
    """Where the `count` faces that a run drew from this seed on come from, for the record: JSON values."""
    return {
        "kind": "run",
        **_drawn(path, seed, count),
        "checkpoint_step": gan.steps_done,
        "weights": state.weights_of(gan),
        "weights_sha256": weights_sha256(gan),
    }


def _drawn(path: Path, seed: int, count: int) -> dict[str, Any]:
    return {"path": str(path.absolute()), "seeds": [seed, seed + count - 1], "crop": None, "filter": None}


def _check_size(what: str, size: int, reference: int) -> None:
    if size != reference:
        raise InputError(
            None,
            what,
            f"has images of {size} pixels, but the reference's have {reference}, and only equal sizes can be "
            f"compared; prepare a reference with --size {size}",
        )


def _read_images(path: Path, wanted: Wanted) -> GeneratedImages:
    """The first good images of a folder or a zip. All images there must have the reference's size.

    Files that can't be read are skipped, and named on stderr.
    """
    source = open_source(str(path))
    if not isinstance(source, PhotoSource):
        problem = "is not a source of images; make a store of it with `facegan prepare`, and evaluate that"
        raise InputError(None, path, problem)
    images: list[np.ndarray] = []
    rejected: list[tuple[str, str]] = []
    good = 0
    with pillow_warnings(), progress(len(source.names), "reading", "file") as bar:
        for index, name in enumerate(source.names):
            bar.update()
            if name.rpartition("/")[2] == GRID_NAME:  # `facegan sample` writes it beside the faces
                continue
            try:
                image, _ = decode_whole(source.read(index))
            except Rejected as reason:
                rejected.append((name, str(reason)))
                continue
            _check_image_size(path, name, image.size, wanted.size)
            good += 1
            if len(images) < wanted.at_most:
                images.append(np.asarray(image))
    for name, why in rejected:
        print(f"{path}: {name} is left out: {why}", file=sys.stderr)
    wanted.check(path, good)
    if not images:
        raise InputError(None, path, "has no image that can be read")
    facts = {
        **source.identity,
        "rejected": [list(pair) for pair in rejected],
        "crop": None,
        "filter": None,
    }
    return GeneratedImages(np.stack(images), facts)


def _check_image_size(path: Path, name: str, found: tuple[int, int], size: int) -> None:
    if found != (size, size):
        raise InputError(
            None,
            path,
            f"{name} has {found[0]}x{found[1]} pixels, but the reference's images have {size}x{size}, and "
            f"all must have one size; make a store of them with facegan prepare {path} --out STORE "
            f"--size {size} and evaluate it",
        )
