"""The items of a source whose attributes satisfy an expression."""

import sys
from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from facegan_tf.common.errors import InputError, in_short
from facegan_tf.data.attributes.expression import fulfilled
from facegan_tf.data.attributes.table import read_table
from facegan_tf.data.framing import FramedFace, Framing
from facegan_tf.data.sources.base import Source


class ChosenSource:
    """Some items of another source, in its order."""

    def __init__(
        self, source: Source, chosen: np.ndarray, columns: dict[str, np.ndarray], identity: dict[str, Any]
    ) -> None:
        """chosen: indices of the items in `source`, int64 [N]. columns: their attributes, each [N].

        identity: what the choice depends on besides the source.
        """
        self._source = source
        self._chosen = array("Q", chosen.astype(np.uint64).tobytes())
        self._columns = columns
        self.identity = source.identity | identity
        self.can_crop = source.can_crop

    def __getstate__(self) -> dict[str, Any]:
        """The state to pickle: all but the attributes, which no worker needs."""
        return vars(self) | {"_columns": {}}

    @property
    def names(self) -> Sequence[str]:
        """The names of the chosen items."""
        return _Chosen(self._source.names, self._chosen)

    def keys(self) -> Sequence[str]:
        """The names by which tables of attributes know the chosen items."""
        return _Chosen(self._source.keys(), self._chosen)

    def attributes(self) -> dict[str, Any]:
        """The attributes of the chosen items."""
        return self._columns

    def faces(self, index: int, framing: Framing) -> list[FramedFace]:
        """The faces in item `names[index]`. Raises Rejected if it can't be used."""
        return self._source.faces(self._chosen[index], framing)

    def content(self, index: int) -> bytes:
        """A short digest of item `names[index]`."""
        return self._source.content(self._chosen[index])

    def contains(self, path: Path) -> bool:
        """Whether a file written to `path` would become part of the source."""
        return self._source.contains(path)


class _Chosen(Sequence[str]):
    def __init__(self, names: Sequence[str], chosen: Sequence[int]) -> None:
        self._names, self._chosen = names, chosen

    def __len__(self) -> int:
        return len(self._chosen)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return tuple(self._names[place] for place in self._chosen[index])
        return self._names[self._chosen[index]]


def choose(source: Source, expression: str, table: str | None) -> ChosenSource:
    """The items of a source for which an expression about their attributes is true.

    table: path of the table of attributes; None: the source has its own attributes. Prints the number of
    chosen items to stderr. Raises InputError if there are none.
    """
    if table is None:
        columns, places = source.attributes(), np.arange(len(source.names))
        if not columns:
            raise InputError(
                "where", expression, "needs a table of attributes: this source has none of its own"
            )
        identity: dict[str, Any] = {"where": expression}
    else:
        read = read_table(table)
        rows = _rows_of(source.keys(), read.rows)
        places = np.flatnonzero(rows >= 0)
        columns = {name: column[rows[places]] for name, column in read.columns.items()}
        identity = {"where": expression, "attributes": read.sha256}
        if not len(places):
            example, key = next(iter(read.rows)), source.keys()[0]
            problem = (
                f"names no photo in the source: it has {in_short(example)}, and the source {in_short(key)}"
            )
            raise InputError("attributes", table, problem)
    kept = fulfilled(expression, columns, len(places))
    unknown = len(source.names) - len(places)
    print(
        f"{int(kept.sum()):,} of {len(source.names):,} photos are chosen by {expression}"
        + (f"; {unknown:,} are not in {table}, and are left out" if unknown else ""),
        file=sys.stderr,
    )
    if not kept.any():
        raise InputError("where", expression, "is true for no photo")
    return ChosenSource(
        source, places[kept], {name: column[kept] for name, column in columns.items()}, identity
    )


def _rows_of(keys: Sequence[str], rows: dict[str, int]) -> np.ndarray:
    """Each photo's row in the table, by its full name or else its name without folders; -1 if it has none."""
    found = np.full(len(keys), -1, np.int64)
    for place, key in enumerate(keys):
        found[place] = rows.get(key, rows.get(key.rpartition("/")[2], -1))
    return found
