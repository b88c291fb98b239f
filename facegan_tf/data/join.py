"""`facegan join`: joins all parts into one store, the same as if one machine had prepared it."""

import datetime
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from facegan_tf.common.errors import InputError
from facegan_tf.common.files import atomic_folder, refuse_existing
from facegan_tf.common.progress import progress
from facegan_tf.data.attributes.stored import read_attributes, write_attributes
from facegan_tf.data.choices import Choices
from facegan_tf.data.draft import CONTENTS
from facegan_tf.data.duplicates import SeenFaces, perceptual_hash, require_hash
from facegan_tf.data.parts import in_order, whole_manifest
from facegan_tf.data.rejected import HEADER, NEAR_DUPLICATE, as_row, read_rejected
from facegan_tf.data.request import check_space
from facegan_tf.data.same_photos import ContentDigest
from facegan_tf.data.store import REJECTED, FaceStore, StoreWriter


def join(stores: Sequence[str | Path], out: str | Path, dedupe: int | None = None) -> FaceStore:
    """Join all parts made by `prepare(..., part="I/N")`, given in any order, into the store `out`.

    dedupe: largest distance, in bits of 256, at which a face is a near-duplicate of an earlier one and
    dropped; None: none are dropped. Raises InputError if parts are missing, or don't belong together.
    """
    if not stores:
        raise InputError("stores", None, "must name the parts of a store")
    if dedupe is not None:
        Choices(dedupe=dedupe).check(limit=None)
        require_hash()
    out = Path(out)
    refuse_existing(out)
    parts = in_order([FaceStore.open(Path(store)) for store in stores])
    check_space(out, sum(len(part) * part.size**2 * 3 for part in parts))
    with atomic_folder(out) as folder:
        _write(folder, parts, dedupe)
    return FaceStore.open(out)


def _write(folder: Path, parts: Sequence[FaceStore], dedupe: int | None) -> None:
    writer = StoreWriter(folder, parts[0].size)
    with closing(writer):
        kept, duplicates = _append_faces(writer, parts, dedupe)
    rows = [row for part in parts for row in read_rejected(part.folder)] + duplicates
    (folder / REJECTED).write_bytes(b"".join(map(as_row, (HEADER, *rows))))
    write_attributes(folder, _attributes(parts), kept)
    content = ContentDigest()
    for part in parts:
        content.add_hashed((part.folder / CONTENTS).read_bytes())
    about = whole_manifest(parts)
    writer.finish(
        rejected=about.rejected + len(duplicates),
        notes=about.notes,
        choices=about.choices | ({} if dedupe is None else {"dedupe": dedupe}),
        items=about.items,
        crop=about.crop,
        filter=about.filter,
        source=about.source,
        source_identity=about.source_identity | {"content": content.hexdigest()},
        limit=None,
        versions=about.versions,
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    )


def _attributes(parts: Sequence[FaceStore]) -> dict[str, np.ndarray]:
    """The attributes of all faces. A column is left out if any part left it out for its long texts."""
    tables = [read_attributes(part.folder) for part in parts]
    names = [name for name in tables[0] if all(name in table for table in tables)]
    return {name: np.concatenate([table[name] for table in tables]) for name in names}


def _append_faces(
    writer: StoreWriter, parts: Sequence[FaceStore], dedupe: int | None
) -> tuple[Sequence[int], list[tuple[str, str]]]:
    """Append the faces of all parts; return the indices of those kept, and a row for each near-duplicate."""
    count = sum(map(len, parts))
    kept: list[int] = []
    duplicates: list[tuple[str, str]] = []
    seen, place = SeenFaces(), 0
    with progress(count, "joining", "face") as bar:
        for faces in (faces for part in parts for faces in part.in_order()):
            bar.update(len(faces))
            if dedupe is None:
                writer.append(faces.tobytes())
                continue
            for pixels in map(np.ndarray.tobytes, faces):
                hashed = perceptual_hash(pixels, writer.size)
                if near := seen.nearest(hashed, dedupe):
                    first = f"{NEAR_DUPLICATE} face {kept[near.place]}"
                    duplicates.append((f"face {place}", f"{first}: {near.bits} of 256 bits differ"))
                else:
                    seen.add(hashed)
                    kept.append(place)
                    writer.append(pixels)
                place += 1
    return range(count) if dedupe is None else kept, duplicates
