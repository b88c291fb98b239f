"""Tables of attributes: CelebA's `list_attr_celeba.txt`, Kaggle's `.csv` of it, and others in that format."""

import csv
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from facegan_tf.common.errors import InputError, in_short
from facegan_tf.common.paths import path_of


@dataclass(frozen=True)
class Table:
    """What is known about photos, by their names."""

    rows: dict[str, int]
    """The row of each photo."""
    columns: dict[str, np.ndarray]
    """Numbers as int64 or float64, everything else as text."""
    sha256: str
    """Digest of the file."""


def read_table(path: str) -> Table:
    """Read a table whose first column holds the photos' names.

    A `.csv` or `.tsv` begins with the columns' names. CelebA's `.txt` begins with the number of its photos,
    then come the names of all columns but the first, and columns are separated by spaces. Raises InputError,
    named `attributes`, if the file can't be read or isn't such a table.
    """
    file = path_of(path)
    try:
        content = file.read_bytes()
        lines = content.decode("utf-8-sig").splitlines()
    except OSError as error:
        raise InputError("attributes", path, f"can't be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InputError("attributes", path, "is not a table: it is not text in UTF-8") from None
    try:
        header, rows = _parts(file, lines)
        names, columns = _filled(header, rows)
    except (ValueError, csv.Error) as error:
        raise InputError("attributes", path, f"can't be read as a table: {error}") from None
    return Table(names, columns, hashlib.sha256(content).hexdigest())


def _parts(file: Path, lines: list[str]) -> tuple[list[str], Iterator[tuple[int, list[str]]]]:
    """The names of the columns after the first, and each row with the number of its line."""
    if file.suffix.lower() in (".csv", ".tsv"):
        reader = csv.reader(lines, delimiter="\t" if file.suffix.lower() == ".tsv" else ",")
        header = next(reader, [])
        return header[1:], ((reader.line_num, row) for row in reader if row)
    if not lines or not lines[0].strip().isdigit():
        raise ValueError(
            "line 1 is not the number of photos, as in CelebA's; end its name in .csv if it is one"
        )
    if len(lines) < 2:
        raise ValueError("it has no line with the names of the columns")
    return lines[1].split(), (
        (number, line.split()) for number, line in enumerate(lines[2:], 3) if line.strip()
    )


def _filled(
    header: list[str], rows: Iterable[tuple[int, list[str]]]
) -> tuple[dict[str, int], dict[str, np.ndarray]]:
    if not header or len(set(header)) < len(header):
        raise ValueError("its columns have no names, or two have the same name")
    names: dict[str, int] = {}
    cells: list[list[str]] = [[] for _ in header]
    for line, (name, *values) in rows:
        if len(values) != len(header):
            raise ValueError(f"line {line} has {len(values)} values, not {len(header)}")
        if name in names:
            raise ValueError(f"line {line} repeats {in_short(name)}")
        names[name] = len(names)
        for column, value in zip(cells, values, strict=True):
            column.append(value)
    if not names:
        raise ValueError("it has no rows")
    return names, {name: as_column(column) for name, column in zip(header, cells, strict=True)}


def as_column(texts: list[str]) -> np.ndarray:
    """Texts as int64 if all are integers, as float64 if all are numbers or empty (NaN), else as objects."""
    if any("_" in text for text in texts):  # Python reads `1_23` as 123
        return np.array(texts, object)
    try:
        return np.array([int(text) for text in texts], np.int64)
    except (ValueError, OverflowError):
        pass
    try:
        return np.array([float(text) if text.strip() else np.nan for text in texts], np.float64)
    except ValueError:
        return np.array(texts, object)
