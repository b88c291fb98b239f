"""From a config's `data` settings to a store: opened, or prepared once into the cache folder."""

import hashlib
import json
import re
from pathlib import Path

from facegan_tf.config import DataSettings
from facegan_tf.data.prepare import prepare
from facegan_tf.data.sources import open_source
from facegan_tf.data.store import FaceStore, is_store
from facegan_tf.errors import InputError


def store_folder(data: DataSettings) -> Path:
    """Where the store of these settings lies, or will lie once prepared.

    The name in the cache follows from the source as it is now and from every setting that shapes
    pixels, so another crop or a changed folder gets a store of its own. Raises InputError if the
    source can't be used.
    """
    if is_store(Path(data.source)):
        return Path(data.source)
    try:
        source = open_source(data.source)
    except InputError as error:
        raise InputError(f"data.source: {error}") from None
    made_of = [source.identity, data.size, data.crop, data.limit]
    digest = hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", Path(data.source).stem) or "source"
    return Path(data.cache).expanduser() / f"{stem}-{data.size}-{digest[:12]}"


def open_or_prepare(data: DataSettings) -> FaceStore:
    """The store of these settings; a raw source is prepared first, once.

    Raises InputError if the source can't be used, or if a store holds images of another size.
    """
    folder = store_folder(data)
    if is_store(folder):
        store = FaceStore.open(folder)
    else:
        store = prepare(data.source, folder, data.size, data.crop, data.limit)
    if store.size != data.size:
        raise InputError(
            f"data.source: {folder} holds images of {store.size} pixels, data.size is {data.size}; "
            f"prepare another store with --size {data.size}, or set data.size={store.size}"
        )
    return store
