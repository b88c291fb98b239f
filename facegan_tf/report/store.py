"""`facegan info STORE`: what a store contains, where it came from, and what was rejected."""

from pathlib import Path
from typing import Any

import numpy as np

from facegan_tf.common.evenly_spaced import evenly_spaced
from facegan_tf.common.files import folder_bytes
from facegan_tf.common.progress import progress
from facegan_tf.data.attributes.stored import read_attributes
from facegan_tf.data.rejected import by_kind, read_rejected
from facegan_tf.data.request import as_bytes
from facegan_tf.data.store import FaceStore

SHEET_FACES = 64
"""Number of faces on a contact sheet, in 8 columns."""


def describe_store(path: str | Path) -> dict[str, Any]:
    """Describe a store, as a dict of JSON values.

    Keys: `path`, `count`, `size`, `source`, `licence` (of a data set on the Hub, or None), `crop`, `limit`,
    `choices`, `fingerprint`, `created`, `disk_bytes`, `notes`, `attributes` (their names), `rejected` (the
    number of files by reason, the most frequent first), and `pixels`: `mean` and `deviation` of red, green
    and blue, 0 to 255.

    Raises InputError if `path` is not a complete store.
    """
    store = FaceStore.open(Path(path))
    manifest = store.manifest
    mean, deviation = _pixel_statistics(store)
    return {
        "path": str(store.folder),
        "count": len(store),
        "size": store.size,
        "source": manifest.source,
        "licence": manifest.licence,
        "crop": manifest.crop,
        "limit": manifest.limit,
        "choices": manifest.choices,
        "fingerprint": store.fingerprint,
        "created": manifest.created,
        "disk_bytes": folder_bytes(store.folder),
        "notes": manifest.notes,
        "attributes": list(read_attributes(store.folder)),
        "rejected": by_kind(read_rejected(store.folder)),
        "pixels": {"mean": mean, "deviation": deviation},
    }


def format_store(facts: dict[str, Any]) -> str:
    """What `describe_store` returns, as text for people."""
    choices = "".join(f", {name} {value}" for name, value in facts["choices"].items())
    limit = f", the first {facts['limit']}" if facts["limit"] else ""
    levels = ("red", "green", "blue")
    rejected = facts["rejected"]
    lines = [
        facts["path"],
        f"  faces        {facts['count']:,} of {facts['size']}x{facts['size']} pixels",
        f"  source       {facts['source']}",
        f"  licence      {facts['licence']}" if facts["licence"] else "",
        f"  preparation  crop {facts['crop']}{limit}{choices}",
        f"  created      {facts['created']}",
        f"  fingerprint  {facts['fingerprint']}",
        f"  disk         {as_bytes(facts['disk_bytes'])}",
        f"  attributes   {', '.join(facts['attributes'])}" if facts["attributes"] else "",
        "  pixels       "
        + ", ".join(
            f"{name} {mean:.1f} ± {deviation:.1f}"
            for name, mean, deviation in zip(levels, *facts["pixels"].values(), strict=True)
        )
        + " (mean ± deviation, of 255)",
        f"  rejected     {sum(rejected.values()):,}",
        *(f"    {count:>8,}  {reason}" for reason, count in rejected.items()),
        *(f"  note         {count:,} x {note}" for note, count in facts["notes"].items()),
    ]
    return "\n".join(line for line in lines if line)


def contact_sheet(path: str | Path) -> np.ndarray:
    """Faces from all parts of the store in one picture: uint8 [H, W, 3]."""
    from facegan_tf.common.images import grid  # loads TensorFlow, which nothing else here needs

    store = FaceStore.open(Path(path))
    return grid(store.gather(np.array(evenly_spaced(range(len(store)), SHEET_FACES))), columns=8)


def _pixel_statistics(store: FaceStore) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of each channel, from the counts of its 256 levels."""
    counts = np.zeros((3, 256), np.int64)
    with progress(len(store), "reading", "face") as bar:
        for faces in store.in_order():
            for channel in range(3):
                counts[channel] += np.bincount(faces[..., channel].ravel(), minlength=256)
            bar.update(len(faces))
    levels = np.arange(256)
    mean = counts @ levels / counts.sum(axis=1)
    square = counts @ levels**2 / counts.sum(axis=1)
    return mean.tolist(), np.sqrt(np.maximum(square - mean**2, 0)).tolist()
