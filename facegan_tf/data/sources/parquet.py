"""Parquet files with a column of photos, the format of data sets on the Hugging Face Hub."""

import itertools
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from facegan_tf.common.errors import InputError, Rejected, as_lines, in_short
from facegan_tf.common.status import print_status
from facegan_tf.data.decode import one_line
from facegan_tf.data.sources import base
from facegan_tf.data.sources.names import NumberedNames, PackedNames, PartIndex

_BATCH = 32  # rows read at once
_BUFFER = 2**20  # bytes read from a file at once: a row group may be larger than the memory
_CUSTOMARY = ("image", "img", "photo", "picture", "jpg", "png", "bytes")
"""Usual names of the column of photos, in order of preference, if several columns could be it."""


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
        with self._open() as file:
            self.column, self._leaf = _photo_column(file.schema_arrow, column, path)
            groups = [file.metadata.row_group(index).num_rows for index in range(file.num_row_groups)]
        rows, size = sum(groups), path.stat().st_size
        if rows > size or min(groups, default=0) < 0:
            raise Rejected(f"says that it has {rows:,} rows, but the file has only {size:,} bytes")
        self._groups = PartIndex(groups)
        self.names: Sequence[str] = NumberedNames(rows)
        self._rows: Iterator[Any] = iter(())
        self._group, self._next, self._problem = -1, 0, ""

    def __getstate__(self) -> dict[str, Any]:
        """Everything but the open file, which can't be pickled."""
        state = {name: value for name, value in vars(self).items() if name != "_file"}
        return state | {"_rows": iter(()), "_group": -1}

    def close(self) -> None:
        """Close the file until it is read again."""
        self._rows, self._group = iter(()), -1
        if file := vars(self).pop("_file", None):
            file.close()

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

        with self._open() as file:
            kind = file.schema_arrow.field(self.column).type
            if not pa.types.is_struct(kind) or kind.get_field_index("path") < 0:
                return self.names
            column = self._all(file, self.column, f"{self.column}.path")
        if column is None:
            return self.names
        paths = itertools.chain.from_iterable(chunk.field("path") for chunk in column.chunks)
        return PackedNames(path.as_py() or name for path, name in zip(paths, self.names, strict=True))

    def attributes(self) -> dict[str, Any]:
        """The other columns of numbers, truth values and text, as numpy arrays."""
        with self._open() as file:
            kinds = {field.name: field.type for field in file.schema_arrow}
            columns = {
                name: self._all(file, name, name)
                for name, kind in kinds.items()
                if name != self.column and _is_attribute(kind)
            }
        return {name: column.to_numpy() for name, column in columns.items() if column is not None}

    def _all(self, file: Any, column: str, leaf: str) -> Any:
        """`leaf` of a column for all rows; None, with a message on stderr, if it is damaged."""
        try:
            values = file.read(columns=[leaf], use_threads=False).column(column)
            values.validate(full=True)
        except Exception as error:  # of many types, on damaged files
            problem = one_line(error)
        else:
            if len(values) == len(self.names):
                return values
            problem = f"it has {len(values):,} rows, not {len(self.names):,}"
        print_status(f"{self.path}: {leaf} is left out, because it is damaged ({problem})")
        return None


def _photo_column(schema: Any, column: str | None, path: Path) -> tuple[str, str]:
    """The column of photos, and the path of the bytes in it. Raises InputError if there is none."""
    found = {field.name: leaf for field in schema if (leaf := _bytes_in(field))}
    if column is not None:
        if column in found:
            return column, found[column]
        problem = "holds no bytes of photos" if column in schema.names else f"is not a column of {path}"
        raise InputError("column", column, f"{problem}; {_columns(schema, found)}")
    likely = list(found) if len(found) == 1 else [name for name in _CUSTOMARY if name in found]
    if likely:
        return likely[0], found[likely[0]]
    if found:
        raise InputError(
            "column", None, f"must say which column of {path} holds the photos: {', '.join(found)}"
        )
    raise InputError("source", path, f"has no column of photos; {_columns(schema, found)}")


def _is_attribute(kind: Any) -> bool:
    """Whether a column of this type holds numbers, truth values or text."""
    from pyarrow import types

    tests = (types.is_integer, types.is_floating, types.is_boolean, types.is_string, types.is_large_string)
    return any(test(kind) for test in tests)


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
