"""The cache: stores that training prepared from photos, and features that evaluations computed.

CACHE/photos-64-0123456789ab/   a store: stem of the source, size in pixels, digest of what it was made from
CACHE/features/*.npy            features of reference images
"""

import contextlib
import datetime
import hashlib
import json
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from facegan_tf.common.errors import InputError
from facegan_tf.common.files import folder_bytes, remove_folder
from facegan_tf.config.settings import DataSettings
from facegan_tf.data.manifest import MANIFEST, Manifest, is_store, read_manifest
from facegan_tf.data.request import Request, as_bytes
from facegan_tf.data.same_photos import remember_source, same_photos
from facegan_tf.data.sources import Source
from facegan_tf.data.unfinished import is_in_use, is_unfinished, lock_of

DEFAULT_CACHE: str = DataSettings.model_fields["cache"].default
FEATURES = "features"
ALL = "all"
"""Word that means every entry. No store has this name: theirs end in a size and a digest."""

_STORE_NAME = re.compile(r".+-[0-9]+-[0-9a-f]{12}")
_FEATURES_NAME = re.compile(r"[0-9a-f]{16}-[0-9a-f]{16}-[0-9]+\.npy")


@dataclass(frozen=True)
class Entry:
    """One thing that can be removed from the cache."""

    name: str
    files: tuple[Path, ...]
    """The folder of a store, with its lock if it is unfinished, or the files of the features."""
    bytes: int
    source: str
    """What it was made from."""
    last_used: datetime.datetime
    in_use: bool = False
    """Whether a process is preparing it; it must not be removed then."""

    def remove(self) -> None:
        """Remove it; a store disappears in one step."""
        for path in self.files:
            if path.is_dir():
                remove_folder(path)
            else:
                path.unlink(missing_ok=True)


def cache_folder(cache: str | Path) -> Path:
    """The folder of a cache, with `~` expanded. Raises InputError if that fails for lack of a home folder."""
    try:
        return Path(cache).expanduser()
    except RuntimeError:
        raise InputError("cache", cache, "there is no home folder; give a full path") from None


def cached_store(cache: Path, request: Request, source: Source) -> Path | None:
    """Find the cached store made from this request and these photos, and mark it as used; None if none is."""
    expected = _store_name(request, source)
    folders = sorted(_store_folders(cache), key=lambda folder: folder.name != expected)
    for folder in folders:  # the expected one first: if it matches, the others need no check
        manifest = _manifest_for(folder, request)
        if manifest and same_photos(manifest, source):
            remember_source(folder, manifest, source)
            with contextlib.suppress(OSError):  # a cache that can't be written to is still good
                os.utime(folder)  # its time is that of the last use
            return folder
    return None


def new_store(cache: Path, request: Request, source: Source) -> Path:
    """Where the cache will keep the store of this request."""
    return cache / _store_name(request, source)


def list_cache(cache: str | Path = DEFAULT_CACHE) -> list[Entry]:
    """What is in the cache: its stores by name, those that are unfinished, and all features as one entry.

    Only what this package wrote is listed, and so can be removed; other files are left alone.
    """
    folder = cache_folder(cache)
    entries = [_store_entry(store) for store in _store_folders(folder)]
    entries += [_draft_entry(path) for path in _listed(folder) if is_unfinished(path)]
    features = [path for path in _listed(folder / FEATURES) if _FEATURES_NAME.fullmatch(path.name)]
    if features:
        sizes_and_times = [(path.stat().st_size, path.stat().st_mtime) for path in features]
        entries.append(
            Entry(
                FEATURES,
                tuple(features),
                sum(size for size, _ in sizes_and_times),
                f"{len(features)} files of features of reference images",
                _as_time(max(time for _, time in sizes_and_times)),
            )
        )
    return entries


def entries_named(cache: str | Path, names: Sequence[str]) -> list[Entry]:
    """The entries of these names, once each, or every entry if `names` is ["all"].

    Raises InputError for a name that is not in the cache, and for "all" beside other names.
    """
    entries = {entry.name: entry for entry in list_cache(cache)}
    if ALL in names:
        if set(names) != {ALL}:
            raise InputError("names", " ".join(names), f"must be {ALL} alone, or only names")
        return list(entries.values())
    for name in names:
        if name not in entries:
            has = f"it has {', '.join(entries)}" if entries else "it is empty"
            raise InputError("names", name, f"is not in the cache {cache}; {has}")
    return [entries[name] for name in dict.fromkeys(names)]


def as_table(entries: Sequence[Entry]) -> str:
    """Entries as lines of name, size, day of last use and source, with the total size at the end."""
    rows = [
        (entry.name, as_bytes(entry.bytes), f"{entry.last_used:%Y-%m-%d}", entry.source) for entry in entries
    ]
    rows = [("NAME", "SIZE", "LAST USED", "SOURCE"), *rows]
    width = max(len(name) for name, *_ in rows)
    lines = [f"{name:{width}}  {size:>9}  {used:10}  {source}" for name, size, used, source in rows]
    return "\n".join([*lines, f"{as_bytes(sum(entry.bytes for entry in entries))} in all"])


def _store_name(request: Request, source: Source) -> str:
    made_from = [source.identity, request.size, request.crop, request.limit]
    if choices := request.choices.recorded():
        made_from.append(choices)
    digest = hashlib.sha256(json.dumps(made_from, sort_keys=True).encode()).hexdigest()
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", Path(request.sources[0]).stem).strip("-.") or "source"
    return f"{stem}-{request.size}-{digest[:12]}"


def _store_folders(cache: Path) -> Iterator[Path]:
    for folder in _listed(cache):
        if _STORE_NAME.fullmatch(folder.name) and (folder / MANIFEST).is_file():
            yield folder


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _manifest_for(folder: Path, request: Request) -> Manifest | None:
    """The manifest of a store with the settings of a request; None if it has others or is damaged."""
    if not is_store(folder):
        return None
    try:
        manifest = read_manifest(folder)
    except (OSError, ValueError):
        return None
    wanted = (request.size, request.crop, request.limit, request.choices.recorded())
    has = (manifest.size, manifest.crop, manifest.limit, manifest.choices)
    return manifest if has == wanted else None


def _store_entry(folder: Path) -> Entry:
    try:
        manifest = read_manifest(folder)
        crop = "" if manifest.crop == "square" else f", crop {manifest.crop}"
        limit = "" if manifest.limit is None else f", the first {manifest.limit}"
        source = f"{manifest.source_identity.get('path', manifest.source)}{crop}{limit}"
    except (OSError, ValueError):
        source = f"unknown: its {MANIFEST} is damaged"
    return Entry(folder.name, (folder,), folder_bytes(folder), source, _time_of(folder))


def _draft_entry(draft: Path) -> Entry:
    in_use = is_in_use(draft)
    source = "a store that is being prepared" if in_use else "a store that was interrupted"
    files = (draft, lock_of(draft))
    return Entry(draft.name, files, folder_bytes(draft), source, _time_of(draft), in_use)


def _time_of(path: Path) -> datetime.datetime:
    return _as_time(path.stat().st_mtime)


def _as_time(seconds: float) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC)
