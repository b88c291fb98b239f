"""Finds tar, parquet and TFRecord files: a file, a folder of nothing else, or a pattern such as `*.tar`."""

import re
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from facegan_tf.common.errors import InputError, in_short
from facegan_tf.common.paths import path_of
from facegan_tf.data.manifest import is_store
from facegan_tf.data.sources.listing import ListedFile, walk
from facegan_tf.data.sources.shards import SHARD_KINDS, ShardKind, ShardsSource
from facegan_tf.data.sources.skipped import is_sidecar
from facegan_tf.data.sources.tfrecord import begins_with_record

_OTHER_TARS = r"\.(tar\.(bz2|xz|zst|zstd|lz4|Z)|tbz2?|txz)$"
_STYLEGAN = re.compile(r"(.*)-r(\d\d)\.tfrecords")
"""StyleGAN writes the same photos to a file for each resolution, which is 2 to the power of the number."""
_MOST_EXPANDED = 100_000


def open_shards(source: str, column: str | None = None) -> ShardsSource | None:
    """Open a file, a folder or a pattern of tar, parquet or TFRecord files; None if it is none of these.

    A pattern has `*`, `?`, `[...]` or `{000..031}`. column: the one with the photos, if there are several.
    Raises InputError if there are such files, but no photos in them.
    """
    path = path_of(source)
    if path.is_file():
        kind = _kind_of_file(path)
        files, root = [path], path.parent
    elif path.is_dir():
        kind, files = _in_folder(path)
        root = path
    elif is_pattern(source) and not path.exists():
        kind, files = _matching(source, str(path))
        root = next(each for each in files[0].parents if all(file.is_relative_to(each) for file in files))
    else:
        return None
    return None if kind is None else open_files(source, kind, root, files, column)


def is_pattern(source: str) -> bool:
    """Whether a source contains characters of a pattern; a path may contain them too."""
    return re.search(r"[*?\[{]", source) is not None


def open_files(
    source: str, kind: ShardKind, root: Path, files: Sequence[Path], column: str | None
) -> ShardsSource:
    """Open files of a kind below `root`. Raises InputError if there are no photos in them."""
    if column is not None and not kind.has_columns:
        raise InputError("column", column, f"{source} has no columns; leave `column` out")
    return ShardsSource(kind, root, [_listed(root, file) for file in files], column)


def _in_folder(folder: Path) -> tuple[ShardKind | None, list[Path]]:
    """The shards of a folder that holds nothing else; the search stops at the first photo."""
    kinds: set[ShardKind | None] = set()
    files: list[str] = []
    try:
        for file in walk(str(folder)) if not is_store(folder) else ():
            if not is_sidecar(file.name):
                kinds.add(kind_of_name(file.name))
                files.append(file.name)
            if len(kinds) > 1 or None in kinds:
                return None, []
    except OSError:  # opening it as a folder of photos will give the reason
        return None, []
    return next(iter(kinds), None), [folder / name for name in _largest_resolution(sorted(files))]


def _matching(source: str, pattern: str) -> tuple[ShardKind | None, list[Path]]:
    anchor = Path(Path(pattern).anchor)
    patterns = [Path(each).relative_to(anchor).as_posix() for each in _braces(pattern)]
    files = sorted({path for each in patterns for path in anchor.glob(each) if path.is_file()})
    if not files:
        raise InputError("source", source, "no file matches this pattern")
    kinds = {_kind_of_file(file) for file in files}
    if len(kinds) > 1 or None in kinds:
        raise InputError("source", source, "must match files of one kind: tar, parquet or TFRecord")
    return kinds.pop(), files


def _largest_resolution(names: list[str]) -> list[str]:
    """Of StyleGAN's files, those of the largest resolution; otherwise all files."""
    parts = [_STYLEGAN.fullmatch(name) for name in names]
    largest = {part[1]: part[0] for part in parts if part}  # names are sorted: the last one stays
    return list(largest.values()) if all(parts) else names


def kind_of_name(name: str) -> ShardKind | None:
    """The kind of file that a name's ending stands for; None if there is no such kind."""
    return next((kind for kind in SHARD_KINDS if re.search(kind.endings + "$", name, re.IGNORECASE)), None)


def _kind_of_file(path: Path) -> ShardKind | None:
    """The kind of a file, by its name or else by its first bytes. Raises InputError if it can't be used."""
    if re.search(_OTHER_TARS, path.name):
        raise InputError(
            "source", path, "is compressed with a method that is not supported; use .tar or .tar.gz"
        )
    try:
        with path.open("rb") as file:
            beginning = file.read(tarfile.BLOCKSIZE)
    except OSError as error:
        raise InputError("source", path, f"can't be read: {error.strerror}") from None
    begins = {
        "tar": beginning[257:262] == b"ustar",
        "parquet": beginning.startswith(b"PAR1"),
        "tfrecord": begins_with_record(beginning),
    }
    return kind_of_name(path.name) or next((kind for kind in SHARD_KINDS if begins[kind.name]), None)


def _listed(root: Path, path: Path) -> ListedFile:
    status = path.stat()
    return ListedFile(path.relative_to(root).as_posix(), status.st_size, status.st_mtime_ns)


def _braces(pattern: str) -> Iterator[str]:
    """Every pattern that `{000..031}` and `{a,b}` stand for, as in a shell; other braces stay as they are."""
    match = re.search(r"\{(?:(\d+)\.\.(\d+)|([^{}]*,[^{}]*))\}", pattern)
    if not match:
        yield pattern
        return
    if match[3] is not None:
        words: Sequence[str] = match[3].split(",")
    else:
        first, last = int(match[1]), int(match[2])
        if last - first >= _MOST_EXPANDED:
            raise InputError("source", in_short(pattern), f"stands for more than {_MOST_EXPANDED:,} files")
        words = [f"{number:0{len(match[1])}}" for number in range(first, last + 1)]
    for word in words:
        yield from _braces(pattern[: match.start()] + word + pattern[match.end() :])
