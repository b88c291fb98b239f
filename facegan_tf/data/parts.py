"""Stores that were prepared in parts, by `prepare --part I/N`: trained on as they are, or joined into one."""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from facegan_tf.common.errors import InputError, in_short
from facegan_tf.common.progress import progress
from facegan_tf.data.manifest import Manifest, is_store, read_manifest
from facegan_tf.data.sources import has_scheme
from facegan_tf.data.sources.base import MAY_DIFFER
from facegan_tf.data.store import FaceStore, pixel_digest


def open_parts(sources: Sequence[str]) -> FaceStore | None:
    """Open the store at a path, or a store in parts: a folder that holds them all, or a list of their paths.

    Returns None if these are photos, not stores. Raises InputError if parts are missing, or don't belong
    together.
    """
    if any(has_scheme(source) for source in sources):
        return None
    folders = [Path(source) for source in sources]
    if len(folders) == 1:
        if is_store(folders[0]):
            return FaceStore.open(folders[0])
        folders = _parts_in(folders[0])
    if not any(is_store(folder) for folder in folders):
        return None
    return as_one([FaceStore.open(folder) for folder in folders])


def _parts_in(folder: Path) -> list[Path]:
    """The parts of a store in a folder; empty if the folder can't be listed."""
    try:
        with os.scandir(folder) as listing:
            stores = [Path(entry.path) for entry in listing if entry.is_dir() and is_store(Path(entry.path))]
        return [store for store in stores if "part" in read_manifest(store).choices]
    except (OSError, ValueError):
        return []


def as_one(stores: Sequence[FaceStore]) -> FaceStore:
    """The faces of all parts as one store, in the order of the parts, with the fingerprint of all pixels."""
    parts = in_order(stores)
    digest = pixel_digest(parts[0].size)
    with progress(sum(map(len, parts)), "reading the parts", "face") as bar:
        for part in parts:
            for faces in part.in_order():
                digest.update(faces.data)
                bar.update(len(faces))
    manifest = whole_manifest(parts, fingerprint=digest.hexdigest(), shards=[])
    return FaceStore(parts[0].folder.parent, manifest, [shard for part in parts for shard in part.shards])


def in_order(stores: Sequence[FaceStore]) -> list[FaceStore]:
    """The parts, sorted by number. Raises InputError unless they are all the parts of one store."""
    numbered: dict[int, FaceStore] = {}
    of_all = _whole(stores[0].manifest)
    for store in stores:
        part = store.manifest.choices.get("part")
        if part is None:
            raise InputError(
                "stores",
                store.folder,
                "is not a part that `facegan prepare --part` made; to put several sources into one store, "
                "prepare them together",
            )
        if found := [key for key, value in _whole(store.manifest).items() if of_all.get(key) != value]:
            problem = f"is not a part of the same store as {stores[0].folder}: {', '.join(found)} differ"
            raise InputError("stores", store.folder, problem)
        number = int(part.partition("/")[0])
        if number in numbered:
            problem = f"is part {part}, as is {numbered[number].folder}"
            raise InputError("stores", store.folder, problem)
        numbered[number] = store
    count = int(of_all["number of parts"])
    if missing := [number for number in range(1, count + 1) if number not in numbered]:
        raise InputError("stores", None, f"these parts are missing: {_as_runs(missing, count)}")
    return [numbered[number] for number in sorted(numbered)]


def _as_runs(numbers: Sequence[int], count: int) -> str:
    """Ascending numbers of `count` parts as text, with runs of three or more shortened: `1/9, 4/9 to 8/9`."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    words = [
        f"{run[0]}/{count} to {run[-1]}/{count}"
        if len(run) > 2
        else ", ".join(f"{number}/{count}" for number in run)
        for run in runs
    ]
    return in_short(", ".join(words), 300)


def _whole(manifest: Manifest) -> dict[str, Any]:
    """What all parts of a store have in common."""
    identity = {key: value for key, value in manifest.source_identity.items() if key not in _OF_A_PART}
    choices = {name: value for name, value in manifest.choices.items() if name != "part"}
    parts = str(manifest.choices.get("part")).partition("/")[2]
    return {
        "size": manifest.size,
        "crop": manifest.crop,
        "source": identity,
        "choices": choices,
        "number of parts": parts,
        "versions": manifest.versions,
    }


_OF_A_PART = ("content", *MAY_DIFFER)
"""Keys of a source's identity that may differ from part to part."""


def whole_manifest(parts: Sequence[FaceStore], **fields: Any) -> Manifest:
    """The manifest of all parts as one store. fields: those that don't follow from the parts."""
    manifests = [part.manifest for part in parts]
    first = manifests[0]
    items = sum(manifest.items_read for manifest in manifests)
    faces = sum(manifest.count for manifest in manifests)
    rejected = sum(manifest.rejected for manifest in manifests)
    return replace(
        first,
        count=faces,
        rejected=rejected,
        notes=dict(sum((Counter(manifest.notes) for manifest in manifests), Counter[str]())),
        choices={name: value for name, value in first.choices.items() if name != "part"},
        items=None if items == faces + rejected else items,
        **fields,
    )
