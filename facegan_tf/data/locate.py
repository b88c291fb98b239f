"""From a config's `data` settings to its store: an existing one, or one to be prepared into the cache."""

import sys
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from facegan_tf.common.errors import FaceganError, InputError
from facegan_tf.common.paths import path_of
from facegan_tf.config.settings import DataSettings
from facegan_tf.data.cache import cache_folder, cached_store, new_store
from facegan_tf.data.choices import Choices
from facegan_tf.data.manifest import is_store
from facegan_tf.data.parts import open_parts
from facegan_tf.data.prepare import StoreNotWrittenError, prepare
from facegan_tf.data.rejected import check_share
from facegan_tf.data.request import Request, check_request, check_room
from facegan_tf.data.sources import Source, has_scheme, is_pattern
from facegan_tf.data.store import FaceStore

_CHOICES = tuple(each.name for each in fields(Choices) if each.name in DataSettings.model_fields)
_SETTINGS = {
    name: f"data.{name}" for name in ("source", "size", "crop", "limit", "max_rejected", "cache", *_CHOICES)
}
"""The setting that gives each parameter of `prepare`."""


@dataclass(frozen=True)
class Located:
    """Where the images of some `data` settings are, or will be."""

    data: DataSettings
    folder: Path
    """The store's folder."""
    store: FaceStore | None
    """None if it has not been prepared yet."""
    count: int
    """Images to learn from; if the store has not been prepared yet, files that may be images."""

    def open_or_prepare(self) -> FaceStore:
        """The store, which is prepared first if necessary. Raises FaceganError if that fails.

        Raises InputError, and keeps the store, if more than `data.max_rejected` of the photos are bad.
        """
        if self.store:
            return self.store
        data = self.data
        try:
            store = prepare(
                data.source, self.folder, data.size, data.crop, data.limit, max_rejected=1, **_choices(data)
            )
        except FaceganError as error:
            if not is_store(self.folder):
                raise _by_settings(error, data) from error
            store = FaceStore.open(self.folder)  # another run prepared the same store meanwhile
        _check_share(store, data)
        return store


def locate(data: DataSettings, prepared: Path | None = None) -> Located:
    """Find the store of these settings, or check that it can be prepared.

    prepared: the folder of the store that a run was trained on. If the source, or its table of attributes,
    can't be opened any more, that store is used, with a message on stderr, provided that it has images of
    `data.size`.

    If `data.source` is itself a store, or the parts of one, it is used directly, and the settings that say
    how to prepare one do not apply.
    Raises InputError, which names the setting to change, if the source can't be used, if the cache can't be
    written to or is full, if a store has images of another size, or if too many photos were rejected.
    """
    sources = [_absolute(source) for source in _as_list(data.source)]
    try:
        if store := open_parts(sources):
            return _of_store(data, store)
    except InputError as error:
        raise error.renamed({"stores": "data.source"}) from None
    request = Request(tuple(sources), data.size, data.crop, data.limit, Choices(**_choices(data)))
    try:
        return _from_source(data, request)
    except InputError as error:
        lost = error.name in ("source", "attributes")
        if lost and prepared and (store := _usable(prepared, data.size)):
            _print_fallback(error, store)
            return _of_store(data, store)
        raise _by_settings(error, data) from None


def _choices(data: DataSettings) -> dict[str, Any]:
    return {name: getattr(data, name) for name in _CHOICES}


def _as_list(source: str | list[str]) -> list[str]:
    return [source] if isinstance(source, str) else source


def with_absolute_paths(data: DataSettings) -> DataSettings:
    """The same settings with absolute paths: a run may be resumed from another working directory."""
    sources = [_absolute(source) for source in _as_list(data.source)]
    paths: dict[str, Any] = {"source": sources if isinstance(data.source, list) else sources[0]}
    if data.attributes is not None:
        paths["attributes"] = str(path_of(data.attributes).absolute())
    if not data.cache.startswith("~"):  # else it stays the home folder, on any machine
        paths["cache"] = str(Path(data.cache).absolute())
    return data.model_copy(update=paths)


def _absolute(source: str) -> str:
    """The source as an absolute path, if there is such a file or it is a pattern."""
    if has_scheme(source):
        return source
    path = path_of(source)
    if path.exists():
        return str(path.resolve())
    return str(path.absolute()) if is_pattern(source) else source


def _from_source(data: DataSettings, request: Request) -> Located:
    source, _ = check_request(request)
    cache = cache_folder(data.cache)
    if folder := cached_store(cache, request, source):
        store = FaceStore.open(folder)
        _check_share(store, data)
        return _of_store(data, store)
    folder = new_store(cache, request, source)
    _check_cache(folder, request, source, data)
    count = data.training_count(request.most_faces(source))
    # A photo may have several faces, and then nobody knows yet whether there are enough.
    return Located(data, folder, None, max(count, 1) if data.faces == "all" else count)


def _check_cache(folder: Path, request: Request, source: Source, data: DataSettings) -> None:
    """Raise InputError, which names `cache`, if the store can't be written there."""
    if folder.exists():
        problem = f"{folder.name} in it is damaged; remove it: facegan cache --clear {folder.name}"
        raise InputError("cache", data.cache, problem)
    try:
        check_room(folder, source, request)
    except InputError as error:
        if error.name == "source":
            raise
        raise InputError("cache", data.cache, error.problem) from None


def _of_store(data: DataSettings, store: FaceStore) -> Located:
    if store.size != data.size:
        raise InputError(
            "data.source",
            store.folder,
            f"holds images of {store.size} pixels, but data.size is {data.size}; prepare another store with "
            f"--size {data.size}, or set data.size={store.size}",
        )
    return Located(data, store.folder, store, data.training_count(len(store)))


def _usable(folder: Path, size: int) -> FaceStore | None:
    try:
        store = FaceStore.open(folder)
    except InputError:
        return None
    return store if store.size == size else None


def _print_fallback(error: InputError, store: FaceStore) -> None:
    print(
        f"data.{error.name} can't be opened ({error.value}: {error.problem}); "
        f"continuing with the store that was prepared from it: {store.folder}",
        file=sys.stderr,
    )


def _check_share(store: FaceStore, data: DataSettings) -> None:
    try:
        check_share(store, data.max_rejected)
    except InputError as error:
        raise error.renamed(_SETTINGS) from None


def _by_settings(error: FaceganError, data: DataSettings) -> FaceganError:
    """The error, naming the setting to change: `data.cache` if the store can't be written."""
    if isinstance(error, StoreNotWrittenError):
        return FaceganError(f"{error}; free some space there, or set data.cache to another folder")
    if not isinstance(error, InputError):
        return error
    if error.name == "out":
        return InputError("data.cache", data.cache, error.renamed(_SETTINGS).problem)
    return error.renamed(_SETTINGS)
