"""From a config's `data` settings to its store: one that is there, or one to be prepared into the cache."""

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path

from facegan_tf.common.errors import FaceganError, InputError
from facegan_tf.config.settings import DataSettings
from facegan_tf.data.prepare import Request, check_request, check_room, prepare
from facegan_tf.data.rejected import check_share
from facegan_tf.data.sources import Source, is_synthetic
from facegan_tf.data.store import FaceStore, is_store


@dataclass(frozen=True)
class Located:
    """Where the images of some `data` settings are, or will be."""

    data: DataSettings
    folder: Path
    """Of the store."""
    store: FaceStore | None
    """None if it has yet to be prepared."""
    count: int
    """Images to train on; of a store that has yet to be prepared, files that may be images."""

    def open_or_prepare(self) -> FaceStore:
        """The store, prepared first if need be, once. Raises FaceganError if that fails.

        It does, with the store kept, if a larger share than `data.max_rejected` of the photos is bad.
        """
        if self.store:
            return self.store
        data = self.data
        try:
            store = prepare(data.source, self.folder, data.size, data.crop, data.limit, max_rejected=1)
        except FaceganError:
            if not is_store(self.folder):
                raise
            store = FaceStore.open(self.folder)  # another training was preparing the same, and was faster
        check_share(store, data.max_rejected, "data.max_rejected=")
        return store


def locate(data: DataSettings) -> Located:
    """Find the store of these settings, or check that it can be prepared.

    Raises InputError if the source can't be used, if there is no room for the store, if a store holds
    images of another size, or if too many of the photos were rejected when they were prepared. A store
    that is named itself is taken as it is.
    """
    source = absolute_source(data.source)
    is_named = not is_synthetic(source) and is_store(Path(source))
    if is_named:
        folder = Path(source)
    else:
        request = Request(source, data.size, data.crop, data.limit)
        try:
            opened, _ = check_request(request)
            folder = _cache_folder(data, opened)
            if not is_store(folder):
                check_room(folder, opened, request)
                count = min(len(opened.names), data.limit or len(opened.names))
                return Located(data, folder, None, count)
        except InputError as error:
            raise InputError(
                f"data.source: {data.source} can't be used: {error}; --set data.source=... names another"
            ) from None
    store = FaceStore.open(folder)
    if store.size != data.size:
        raise InputError(
            f"data.source: {folder} holds images of {store.size} pixels, data.size is {data.size}; "
            f"prepare another store with --size {data.size}, or set data.size={store.size}"
        )
    if not is_named:
        check_share(store, data.max_rejected, "data.max_rejected=")
    return Located(data, folder, store, min(len(store), data.limit or len(store)))


def absolute_source(source: str) -> str:
    """The same source, found from any working directory: a run may be resumed from elsewhere."""
    if is_synthetic(source):
        return source
    path = Path(source).expanduser()
    return str(path.resolve()) if path.exists() else source


def _cache_folder(data: DataSettings, source: Source) -> Path:
    """A name for every source as it is now, and every setting that shapes pixels."""
    made_of = [source.identity, data.size, data.crop, data.limit]
    digest = hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", Path(data.source).stem).strip("-.") or "source"
    return Path(data.cache).expanduser() / f"{stem}-{data.size}-{digest[:12]}"
