"""Files that hold many photos each (tar, parquet and TFRecord): one or many of them as one source."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from facegan_tf.common.errors import InputError, Rejected
from facegan_tf.data.sources import base
from facegan_tf.data.sources.columns import stacked
from facegan_tf.data.sources.listing import ListedFile, listing_identity
from facegan_tf.data.sources.names import ChainedNames, PartIndex
from facegan_tf.data.sources.parquet import ParquetShard
from facegan_tf.data.sources.tar import TarShard
from facegan_tf.data.sources.tfrecord import TfrecordShard


class Shard(Protocol):
    """One file of photos. It pickles into worker processes, without the open file."""

    names: Sequence[str]

    def read(self, index: int) -> bytes:
        """The bytes of photo `names[index]`. Raises Rejected if it can't be read."""

    def close(self) -> None:
        """Close the file until it is read again."""


@dataclass(frozen=True)
class ShardKind:
    """One kind of file that holds many photos."""

    name: str
    endings: str
    """A regular expression for the end of a file's name."""
    open: Callable[[Path, str | None], Shard]
    """Opens a file; the given column holds the photos. Raises Rejected if it is damaged."""
    has_columns: bool = True


SHARD_KINDS = (
    ShardKind("tar", r"\.(tar|tar\.gz|tgz)", lambda path, _: TarShard(path), has_columns=False),
    ShardKind("parquet", r"\.parquet", ParquetShard),
    ShardKind("tfrecord", r"\.(tfrecords?|tfrec)(-\d+-of-\d+)?(\.gz)?", TfrecordShard),
)
"""To add a kind: write its module, and list it here."""


class ShardsSource(base.PhotoSource):
    """The photos of one or several files of a kind, file after file.

    The photos of a tar are sorted by name; those of other files keep their order.
    """

    def __init__(self, kind: ShardKind, root: Path, files: Sequence[ListedFile], column: str | None) -> None:
        """Open the files; their names are relative to `root`. column: the one with the photos, or None.

        Raises InputError if none of them holds a photo.
        """
        self.root = root
        self._labels = [file.name for file in files]
        self._shards = [_opened(kind, root / label, column) for label in self._labels]
        self._reading = self._shards[0]
        self.identity = _identity(kind.name, root, files) | ({} if column is None else {"column": column})
        broken = [shard for shard in self._shards if isinstance(shard, _Unreadable)]
        if len(broken) == len(self._shards):
            raise InputError("source", root / self._labels[0], broken[0].reason)
        if not self.names:
            raise InputError("source", root / self._labels[0], f"this {kind.name} file holds no photos")

    @cached_property
    def names(self) -> Sequence[str]:
        """One name for each photo; it begins with the file's name where there are several files."""
        return self._chained([shard.names for shard in self._shards])

    def keys(self) -> Sequence[str]:
        """The names by which tables of attributes know the photos."""
        return self._chained(
            [shard.keys() if isinstance(shard, ParquetShard) else shard.names for shard in self._shards]
        )

    def attributes(self) -> dict[str, Any] | None:
        """The other columns of parquet files, if all have them."""
        if all(isinstance(shard, ParquetShard | _Unreadable) for shard in self._shards):
            tables = [
                shard.attributes() if isinstance(shard, ParquetShard) else None for shard in self._shards
            ]
            return stacked(tables, [len(shard.names) for shard in self._shards])
        return None

    def _chained(self, names: Sequence[Sequence[str]]) -> Sequence[str]:
        if len(names) == 1:
            return names[0]
        prefixes = [
            label if isinstance(shard, _Unreadable) else f"{label}/"
            for label, shard in zip(self._labels, self._shards, strict=True)
        ]
        return ChainedNames(list(zip(prefixes, names, strict=True)))

    @cached_property
    def _part_index(self) -> PartIndex:
        return PartIndex([len(shard.names) for shard in self._shards])

    def read(self, index: int) -> bytes:
        """The bytes of photo `names[index]`. Raises Rejected if it can't be read."""
        number, inside = self._part_index.of(index)
        shard = self._shards[number]
        if shard is not self._reading:  # one at a time: there may be more files than can be open
            self._reading.close()
            self._reading = shard
        return shard.read(inside)

    def contains(self, path: Path) -> bool:
        """Whether `path` is in the folder of several files, where it could be mistaken for one of them."""
        return len(self._shards) > 1 and path.resolve().is_relative_to(self.root.resolve())


class _Unreadable:
    """A file among others that can't be opened: one bad item, under its own name."""

    def __init__(self, reason: str) -> None:
        self.names: Sequence[str] = ("",)
        self.reason = reason

    def read(self, index: int) -> bytes:
        raise Rejected(self.reason)

    def close(self) -> None:
        pass


def _opened(kind: ShardKind, path: Path, column: str | None) -> Shard:
    try:
        return kind.open(path, column)
    except Rejected as reason:
        return _Unreadable(str(reason))


def _identity(kind: str, root: Path, files: Sequence[ListedFile]) -> dict[str, Any]:
    if len(files) > 1:
        return listing_identity(kind, root, files)
    (file,) = files
    path = str((root / file.name).resolve())
    return {"kind": kind, "path": path, "bytes": file.size, "times": file.mtime_ns}
