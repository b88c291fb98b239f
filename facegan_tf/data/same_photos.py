"""Whether a source still holds the photos that a store was made from.

Path, sizes and times of files are compared first. If only paths or times differ, the photos were moved or
touched, and their content decides.
"""

import contextlib
import hashlib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from facegan_tf.common.progress import progress
from facegan_tf.data.manifest import Manifest, write_manifest
from facegan_tf.data.sources import Source

_MAY_DIFFER = ("path", "times")
"""Parts of a source's identity that change when photos are moved or touched."""


class ContentDigest:
    """SHA-256 over the names and contents of photos, in order."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()

    def add(self, names: Iterable[str], contents: Iterable[bytes]) -> None:
        """Add photos by their names and what `Source.content` gives for them."""
        for name, content in zip(names, contents, strict=True):
            # surrogatepass: a file's name need not be valid text
            self._digest.update(name.encode("utf-8", "surrogatepass") + b"\0" + content)

    def hexdigest(self) -> str:
        """The digest of all that was added."""
        return self._digest.hexdigest()


def same_photos(manifest: Manifest, source: Source) -> bool:
    """Whether the source holds the photos of this store; reads them only if it has to."""
    old, new = manifest.source_identity, source.identity
    differing = [key for key in new if old.get(key) != new[key]]
    if not differing:
        return True
    if not set(differing) <= set(_MAY_DIFFER) or manifest.items_read > len(source.names):
        return False
    digest = ContentDigest()
    with progress(manifest.items_read, "comparing photos", "photo") as bar:
        for index, name in enumerate(source.names[: manifest.items_read]):
            digest.add([name], [source.content(index)])
            bar.update()
    return digest.hexdigest() == old.get("content")


def remember_source(folder: Path, manifest: Manifest, source: Source) -> None:
    """Write the source's present path and times to the store, so that it is recognised faster next time."""
    identity = manifest.source_identity | source.identity
    if identity != manifest.source_identity:
        with contextlib.suppress(OSError):  # a store that can't be written to is still good
            write_manifest(folder, replace(manifest, source_identity=identity))
