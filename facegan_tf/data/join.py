"""All parts of a store -> one store, the same as if one machine had prepared it: `facegan join`."""

import datetime
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from facegan_tf.common.errors import InputError
from facegan_tf.common.files import atomic_folder, refuse_existing, writable_parent
from facegan_tf.common.progress import progress
from facegan_tf.data.attributes.stored import read_attributes, write_attributes
from facegan_tf.data.choices import MOST_BITS
from facegan_tf.data.draft import CONTENTS
from facegan_tf.data.duplicates import SeenFaces, perceptual_hash, require_hash
from facegan_tf.data.parts import in_order, whole_manifest
from facegan_tf.data.rejected import HEADER, as_row, read_rejected
from facegan_tf.data.same_photos import ContentDigest
from facegan_tf.data.store import REJECTED, FaceStore, StoreWriter


def join(stores: Sequence[str | Path], out: str | Path, dedupe: int | None = None) -> FaceStore:
    """Join all parts that `prepare(..., part="I/N")` made, given in any order, to the store `out`.

    dedupe: largest distance, in bits of 256, at which a face is a near-duplicate of an earlier one and left
    out; None: they are not looked for. Raises InputError if parts are missing, or don't belong together.
    """
    if not stores:
        raise InputError("stores", None, "must name the parts of a store")
    if dedupe is not None:
        require_hash()
        if not 0 <= dedupe <= MOST_BITS:
            raise InputError("dedupe", dedupe, f"must be 0 to {MOST_BITS} bits of 256")
    out = Path(out)
    refuse_existing(out)
    writable_parent(out)
    parts = in_order([FaceStore.open(Path(store)) for store in stores])
    with atomic_folder(out) as folder:
        _write(folder, parts, dedupe)
    return FaceStore.open(out)


def _write(folder: Path, parts: Sequence[FaceStore], dedupe: int | None) -> None:
    writer = StoreWriter(folder, parts[0].size)
    kept: list[int] = []
    duplicates: list[tuple[str, str]] = []
    seen, place = SeenFaces(), 0
    with progress(sum(map(len, parts)), "joining", "face") as bar:
        for part in parts:
            for faces in part.in_order():
                for face in faces if dedupe is not None else ():
                    hashed = perceptual_hash(face.tobytes(), part.size)
                    if near := seen.nearest(hashed, dedupe or 0):
                        reason = (
                            f"a near-duplicate of face {kept[near.place]}: {near.bits} of 256 bits differ"
                        )
                        duplicates.append((f"face {place}", reason))
                    else:
                        seen.add(hashed)
                        kept.append(place)
                        writer.append(face.tobytes())
                    place += 1
                if dedupe is None:
                    writer.append(faces.tobytes())
                bar.update(len(faces))
    rows = [row for part in parts for row in read_rejected(part.folder)] + duplicates
    (folder / REJECTED).write_bytes(b"".join(map(as_row, (HEADER, *rows))))
    tables = [read_attributes(part.folder) for part in parts]
    if all(tables):
        columns = {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}
        write_attributes(
            folder, columns, kept if dedupe is not None else range(place or sum(map(len, parts)))
        )
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
