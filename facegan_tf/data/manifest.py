"""manifest.json, which says what a store holds and where that came from."""

import json
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from facegan_tf.common.files import write_json

FORMAT_VERSION = 1
MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Manifest:
    """The fields of manifest.json."""

    format_version: int
    count: int
    """Number of faces."""
    size: int
    """Height and width of a face in pixels."""
    crop: str
    """`square`, `center:N` or `box:L,T,R,B`."""
    filter: str
    """Name of the resampling filter."""
    source: str
    """As the user gave it."""
    source_identity: dict[str, Any]
    """The source's `identity`, and `content`: a digest of the photos that were read."""
    limit: int | None
    rejected: int
    """Number of files listed in rejected.csv."""
    fingerprint: str
    """SHA-256 of size and pixels: the same faces have the same fingerprint everywhere."""
    shards: list[dict[str, Any]]
    """`file` and `count` of each, in order."""
    versions: dict[str, str]
    created: str
    """UTC, ISO 8601."""
    notes: dict[str, int] = field(default_factory=dict)
    """What was ignored in photos, with the number of photos."""
    choices: dict[str, Any] = field(default_factory=dict)
    """How the faces were found and chosen, where it differs from the default: see `Choices`."""
    items: int | None = None
    """Number of source items read; None if it is the number of faces plus that of rejected files."""

    @property
    def items_read(self) -> int:
        """How many items of the source were read, good and bad."""
        return self.count + self.rejected if self.items is None else self.items

    @property
    def licence(self) -> str | None:
        """The licence that the data set declares on the Hub; None for other sources.

        For several sources, all the declared licences.
        """
        each = self.source_identity.get("sources", [self.source_identity])
        return "; ".join(dict.fromkeys(one["licence"] for one in each if "licence" in one)) or None


def is_store(folder: Path) -> bool:
    """Whether the folder has a store's manifest; `FaceStore.open` checks that the store is complete."""
    try:
        content = json.loads((folder / MANIFEST).read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and "shards" in content and "fingerprint" in content


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a store. Raises ValueError if it is damaged, OSError if it can't be read."""
    content = json.loads((folder / MANIFEST).read_bytes())
    if not isinstance(content, Mapping):
        raise ValueError(f"{MANIFEST} does not hold a store's fields")
    if (version := content.get("format_version")) != FORMAT_VERSION:
        raise ValueError(f"{MANIFEST} has format version {version}; this program reads {FORMAT_VERSION}")
    required = [
        each.name for each in fields(Manifest) if each.default is MISSING and each.default_factory is MISSING
    ]
    if missing := [name for name in required if name not in content]:
        raise ValueError(f"{MANIFEST} lacks {', '.join(missing)}")
    if not isinstance(content["source_identity"], dict):
        raise ValueError(f"{MANIFEST} has no fields in source_identity")
    known = [each.name for each in fields(Manifest) if each.name in content]
    return Manifest(**{name: content[name] for name in known})


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write manifest.json, atomically."""
    write_json(folder / MANIFEST, asdict(manifest))
