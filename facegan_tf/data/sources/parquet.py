"""Parquet files with a column of photos, the format of data sets on the Hugging Face Hub."""

import itertools
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from facegan_tf.common.errors import InputError, Rejected, as_lines, in_short
from facegan_tf.data.decode import one_line
from facegan_tf.data.sources import base
from facegan_tf.data.sources.names import PackedNames, Places, RowNames

_BATCH = 32  # rows read at once
_BUFFER = 2**20  # bytes read from a file at once: a row group may be larger than the memory
_CUSTOMARY = ("image", "img", "photo", "picture", "jpg", "png", "bytes")
"""Names of the column of photos, if several columns could be it."""


def load_pyarrow() -> Any:
    """The module pyarrow.parquet. Raises InputError if pyarrow is not installed."""
    try:
        import pyarrow.parquet  # an optional package, which takes a second to load
    except ImportError:
        raise InputError(
            "source", None, "parquet files need the extra `parquet`: pip install 'facegan_tf[parquet]'"
        ) from None
    return pyarrow.parquet


class ParquetShard:
    """The rows of one parquet file. Only the column of photos is read."""

    def __init__(self, path: Path, column: str | None) -> None:
        """Read the file's metadata. column: the one with the photos; None: found by its type.

        Raises Rejected if the file can't be read, InputError if it has no such column.
        """
        self.path = path
        file = self._open()
        self.column, self._leaf = _photo_column(file.schema_arrow, column, path)
        groups = [file.metadata.row_group(index).num_rows for index in range(file.num_row_groups)]
        rows, size = sum(groups), path.stat().st_size
        if rows > size or min(groups, default=0) < 0:
            raise Rejected(f"says that it has {rows:,} rows, but the file has only {size:,} bytes")
        self._groups = Places(groups)
        self.names: Sequence[str] = RowNames(rows)
        self._rows: Iterator[Any] = iter(())
        self._group, self._next, self._problem = -1, 0, ""

    def __getstate__(self) -> dict[str, Any]:
        """Everything but the open file, which can't be pickled."""
        state = {name: value for name, value in vars(self).items() if name != "_file"}
        return state | {"_rows": iter(()), "_group": -1, "_next": 0}

    def _open(self) -> Any:
        parquet = load_pyarrow()
        try:
            return parquet.ParquetFile(self.path, buffer_size=_BUFFER)
        except Exception as error:  # of many types, on damaged files
            raise Rejected(f"can't be read as parquet: {one_line(error)}") from None

    @cached_property
    def _file(self) -> Any:
        return self._open()

    def read(self, index: int) -> bytes:
        """The bytes of the photo in row `index`. Raises Rejected if there are none, or too many."""
        group, row = self._groups.of(index)
        if group != self._group or row < self._next:
            self._group, self._next, self._problem = group, 0, ""
            self._rows = self._rows_of(group)
        photo = next(itertools.islice(self._rows, row - self._next, None), None)
        self._next = row + 1
        if photo is None:
            raise Rejected(f"can't be read from the parquet file: {self._problem or 'its row is missing'}")
        content = photo.as_py()
        if content is None:
            raise Rejected("its row holds no bytes of a photo")
        base.check_bytes(len(content))
        return content

    def _rows_of(self, group: int) -> Iterator[Any]:
        """The photos of a row group, until one can't be read; the reason is then in `_problem`."""
        try:
            batches = self._file.iter_batches(
                _BATCH, row_groups=[group], columns=[self._leaf], use_threads=False
            )
            for batch in batches:
                column = batch.column(0)
                yield from column.field("bytes") if self._leaf != self.column else column
        except Exception as error:  # of many types, on damaged files
            self._problem = one_line(error)

    def keys(self) -> Sequence[str]:
        """The name of each photo: the `path` beside its bytes, where there is one, or that of its row."""
        import pyarrow as pa

        kind = self._file.schema_arrow.field(self.column).type
        if not pa.types.is_struct(kind) or kind.get_field_index("path") < 0:
            return self.names
        column = self._file.read(columns=[f"{self.column}.path"], use_threads=False).column(0)
        paths = itertools.chain.from_iterable(chunk.field("path") for chunk in column.chunks)
        names = PackedNames(path.as_py() or name for path, name in zip(paths, self.names, strict=False))
        return names if len(names) == len(self.names) else self.names

    def attributes(self) -> dict[str, Any]:
        """The other columns of numbers, truth values and short text, as numpy arrays."""
        import pyarrow as pa

        kinds = {field.name: field.type for field in self._file.schema_arrow}
        wanted = [
            name
            for name, kind in kinds.items()
            if name != self.column
            and (
                pa.types.is_integer(kind)
                or pa.types.is_floating(kind)
                or pa.types.is_boolean(kind)
                or pa.types.is_string(kind)
                or pa.types.is_large_string(kind)
            )
        ]
        table = self._file.read(columns=wanted, use_threads=False)
        return {name: table.column(name).to_numpy() for name in wanted}


def _photo_column(schema: Any, column: str | None, path: Path) -> tuple[str, str]:
    """The column of photos, and the path of the bytes in it. Raises InputError if there is none."""
    found = {field.name: leaf for field in schema if (leaf := _bytes_in(field))}
    if column is not None:
        if column in found:
            return column, found[column]
        problem = "holds no bytes of photos" if column in schema.names else f"is not a column of {path}"
        raise InputError("column", column, f"{problem}; {_columns(schema, found)}")
    for name in (*(_CUSTOMARY if len(found) > 1 else ()), *found):
        if name in found and (len(found) == 1 or name in _CUSTOMARY):
            return name, found[name]
    if found:
        raise InputError(
            "column", None, f"must say which column of {path} holds the photos: {', '.join(found)}"
        )
    raise InputError("source", path, f"has no column of photos; {_columns(schema, found)}")


def _bytes_in(field: Any) -> str | None:
    """Where a column holds the photos' bytes: directly, or in `bytes` of the Hub's {bytes, path}."""
    import pyarrow as pa

    def is_bytes(kind: Any) -> bool:
        return pa.types.is_binary(kind) or pa.types.is_large_binary(kind)

    if is_bytes(field.type):
        return field.name
    if pa.types.is_struct(field.type) and field.type.get_field_index("bytes") >= 0:
        return f"{field.name}.bytes" if is_bytes(field.type.field("bytes").type) else None
    return None


def _columns(schema: Any, found: dict[str, str]) -> str:
    if found:
        return f"photos are in {', '.join(found)}"
    return "its columns are\n" + as_lines(
        list(schema), lambda field: f"  {in_short(field.name)}: {in_short(str(field.type), 80)}"
    )
