"""What is scored: the faces of a run or a SavedModel, images of a folder or a zip, or a store."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from facegan_tf.common.errors import InputError, Rejected
from facegan_tf.common.images import DRAWN_AT_ONCE
from facegan_tf.common.progress import progress
from facegan_tf.data.decode import decode_whole, pillow_warnings
from facegan_tf.data.sources import PhotoSource, open_source
from facegan_tf.data.store import FaceStore, is_store
from facegan_tf.model.state import weights_sha256
from facegan_tf.run.restore import is_savedmodel, restore_run
from facegan_tf.serving.generator import FaceGenerator, generator_of, load_generator
from facegan_tf.serving.sampling import GRID_NAME, SEED_LIMIT


@dataclass(frozen=True)
class Subject:
    """Images to score, and where they come from."""

    images: np.ndarray
    """uint8 [N, S, S, 3]."""
    facts: dict[str, Any]
    """For the record: JSON values."""


def load_subject(path: Path, count: int, size: int, seed: int, checkpoint: str = "last") -> Subject:
    """The subject's `count` images, which must have `size` pixels a side, as the reference's.

    Of a run or a SavedModel: the faces of the seeds from `seed` on, as `facegan sample` draws them. Of a
    folder, a zip or a store: the first so many by name. Raises InputError if they can't be had.
    """
    if is_savedmodel(path):
        generator = load_generator(path, checkpoint)
        return Subject(
            draw(generator, count, seed, size), {"kind": "SavedModel", **_drawn(path, seed, count)}
        )
    if (path / "config.yaml").is_file():
        gan, _ = restore_run(path, checkpoint)
        state = {"checkpoint_step": gan.steps_done, "weights_sha256": weights_sha256(gan)}
        images = draw(generator_of(gan), count, seed, size)
        return Subject(images, {"kind": "run", **_drawn(path, seed, count), **state})
    if checkpoint != "last":
        raise InputError(f"--checkpoint {checkpoint}: {path} is no run; leave it out")
    if is_store(path):
        store = FaceStore.open(path)
        check_count(path, len(store), count)
        _check_size(path, store.size, size)
        return Subject(store.gather(np.arange(count)), {"kind": "store", **store_facts(store)})
    return _read_images(path, count, size)


def draw(generator: FaceGenerator, count: int, seed: int, size: int) -> np.ndarray:
    """The faces uint8 [count, size, size, 3] of the seeds from `seed` on; InputError if of another size."""
    if not 0 <= seed < seed + count <= SEED_LIMIT:
        raise InputError(f"--seed {seed}: must be 0 or more, and below 2^63 with --count added")
    parts = []
    with progress(count, "drawing", "face") as bar:
        for start in range(seed, seed + count, DRAWN_AT_ONCE):
            latents = generator.latents(range(start, min(start + DRAWN_AT_ONCE, seed + count)))
            parts.append(generator.draw(latents))
            _check_size("the generator", parts[0].shape[1], size)
            bar.update(len(parts[-1]))
    return np.concatenate(parts)


def store_facts(store: FaceStore) -> dict[str, Any]:
    """Where a store's images come from, for the record."""
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


def check_count(path: Path | str, there: int, count: int) -> None:
    """Raise InputError if fewer than `count` images are there."""
    if there < count:
        raise InputError(f"--count {count}: {path} has only {there} images; lower it, or bring more")


def _drawn(path: Path, seed: int, count: int) -> dict[str, Any]:
    return {"path": str(path.absolute()), "seeds": [seed, seed + count - 1], "crop": None, "filter": None}


def _check_size(what: Path | str, size: int, reference: int) -> None:
    if size != reference:
        raise InputError(
            f"{what}: has images of {size} pixels, the reference of {reference}; scores compare like with "
            f"like: prepare a reference with --size {size}"
        )


def _read_images(path: Path, count: int, size: int) -> Subject:
    """The first good images of a folder or a zip, all of which must have one size; bad files are named."""
    source = open_source(str(path))
    if not isinstance(source, PhotoSource):
        raise InputError(
            f"{path}: drawn faces come as a store: facegan prepare {path} --out STORE --size {size}"
        )
    images: list[np.ndarray] = []
    rejected: list[tuple[str, str]] = []
    with pillow_warnings(), progress(len(source.names), "reading", "file") as bar:
        for index, name in enumerate(source.names):
            bar.update()
            if name.rpartition("/")[2] == GRID_NAME:  # `facegan sample` leaves it beside the faces
                continue
            try:
                image, _ = decode_whole(source.read(index))
            except Rejected as reason:
                rejected.append((name, str(reason)))
                continue
            if image.size != (size, size):
                raise InputError(
                    f"{path}: {name} has {image.width}x{image.height} pixels, the reference's images have "
                    f"{size}x{size}, and all must be alike; make a store of them: facegan prepare {path} "
                    f"--out STORE --size {size}, and evaluate that"
                )
            if len(images) < count:
                images.append(np.asarray(image))
    if len(images) < count:
        words = f"; {len(rejected)} files are no images, such as {': '.join(rejected[0])}" if rejected else ""
        raise InputError(
            f"--count {count}: {path} has only {len(images)} images{words}; lower --count, or bring more"
        )
    for name, why in rejected:
        print(f"{path}: {name} is left out: {why}", file=sys.stderr)
    facts = {
        "kind": source.identity["kind"],
        **{key: value for key, value in source.identity.items() if key != "kind"},
        "rejected": [list(pair) for pair in rejected],
        "crop": None,
        "filter": None,
    }
    return Subject(np.stack(images), facts)
