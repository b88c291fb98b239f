"""Whether a source still holds the photos that a store was made from.

Path, sizes and times of files are compared first. If only paths or times differ, the photos were moved or
touched, and their content decides.
"""

import contextlib
import hashlib
from dataclasses import replace
from pathlib import Path

from facegan_tf.common.progress import progress
from facegan_tf.data.choices import Choices
from facegan_tf.data.manifest import Manifest, write_manifest
from facegan_tf.data.sources import Source
from facegan_tf.data.sources.base import MAY_DIFFER


class ContentDigest:
    """SHA-256 over the names and contents of photos, in order."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()

    def add(self, name: str, content: bytes) -> bytes:
        """Add a photo by its name and what `Source.content` gives for it; return what was hashed."""
        # surrogatepass: a file's name may not be valid text
        hashed = name.encode("utf-8", "surrogatepass") + b"\0" + content
        self._digest.update(hashed)
        return hashed

    def add_hashed(self, hashed: bytes) -> None:
        """Add photos by what `add` returned for them."""
        self._digest.update(hashed)

    def hexdigest(self) -> str:
        """The digest of all that was added."""
        return self._digest.hexdigest()


def same_photos(manifest: Manifest, source: Source) -> bool:
    """Whether the source holds the photos of this store; reads them only if it has to."""
    old, new = manifest.source_identity, source.identity
    differing = [key for key in new if old.get(key) != new[key]]
    if not differing:
        return True
    if not set(differing) <= set(MAY_DIFFER) or manifest.items_read > len(source.names):
        return False
    digest = ContentDigest()
    with progress(manifest.items_read, "comparing photos", "photo") as bar:
        first = Choices(part=manifest.choices.get("part")).part_of(len(source.names)).start
        for index in range(first, min(first + manifest.items_read, len(source.names))):
            digest.add(source.names[index], source.content(index))
            bar.update()
    return digest.hexdigest() == old.get("content")


def remember_source(folder: Path, manifest: Manifest, source: Source) -> None:
    """Write the source's current path and times to the store, so that it is recognised faster next time."""
    identity = manifest.source_identity | source.identity
    if identity != manifest.source_identity:
        with contextlib.suppress(OSError):  # a store that can't be written to is still good
            write_manifest(folder, replace(manifest, source_identity=identity))
