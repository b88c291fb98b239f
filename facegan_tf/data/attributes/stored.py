"""attributes.npz of a store: what is known about each face, for conditional training."""

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from facegan_tf.common.files import atomic_file

ATTRIBUTES = "attributes.npz"
"""Arrays [N] by the attributes' names, N the number of faces; `np.load` reads them. Texts are `U`."""

_LONGEST = 100  # characters: longer texts are captions, which would take gigabytes as an array


def write_attributes(folder: Path, columns: Mapping[str, np.ndarray], items: Sequence[int]) -> list[str]:
    """Write the attributes of a store's faces.

    columns: the attributes of the source's items, by name. items: the index of each face's item. Returns the
    names of the columns that were left out because they hold long texts.
    """
    rows = np.asarray(items, np.int64)
    kept = {name: _plain(column[rows]) for name, column in columns.items()}
    arrays = {name: column for name, column in kept.items() if column is not None}
    if arrays:
        with (
            atomic_file(folder / ATTRIBUTES) as partial,
            zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as file,
        ):
            for name, column in arrays.items():  # np.savez accepts no array named `file`
                with file.open(f"{name}.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, column, allow_pickle=False)
    return [name for name, column in kept.items() if column is None]


def read_attributes(folder: Path) -> dict[str, np.ndarray]:
    """The attributes of a store's faces, by name; {} if it has none."""
    path = folder / ATTRIBUTES
    if not path.is_file():
        return {}
    with np.load(path, allow_pickle=False) as arrays:
        return dict(arrays)


def _plain(column: np.ndarray) -> np.ndarray | None:
    """A column without Python objects; None if its texts are too long."""
    if column.dtype.kind != "O":
        return column
    texts = ["" if value is None else str(value) for value in column]
    return np.array(texts, str) if max(map(len, texts), default=0) <= _LONGEST else None
