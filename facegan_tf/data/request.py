"""A request for a store: what to make it from, and the checks that come before any work."""

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from facegan_tf.common.errors import InputError
from facegan_tf.common.files import writable_parent
from facegan_tf.common.versions import versions
from facegan_tf.config.crop import Crop, parse_crop
from facegan_tf.data.align.detect import require_detector
from facegan_tf.data.align.framing import Aligned
from facegan_tf.data.attributes.chosen import choose
from facegan_tf.data.choices import Choices
from facegan_tf.data.duplicates import require_hash
from facegan_tf.data.framing import Cropped, Framing
from facegan_tf.data.manifest import Manifest
from facegan_tf.data.same_photos import same_photos
from facegan_tf.data.sources import Source, open_sources

SIZES = range(8, 1025)
"""Heights and widths of a face, in pixels."""


@dataclass(frozen=True)
class Request:
    """What a store is made from, and how."""

    sources: tuple[str, ...]
    """One or more sources, as the user gave them."""
    size: int
    """Height and width of a face in pixels."""
    crop: str = "square"
    limit: int | None = None
    """Only the first `limit` good images by name; None: all."""
    choices: Choices = field(default_factory=Choices)

    @property
    def source(self) -> str:
        """All sources in one text."""
        return ", ".join(self.sources)

    def check(self) -> Crop:
        """Check the settings and return the parsed crop. Raises InputError for a value that can't be used."""
        self.choices.check(self.limit)
        if self.size not in SIZES:
            raise InputError("size", self.size, f"must be {SIZES[0]} to {SIZES[-1]} pixels")
        if self.limit is not None and self.limit < 1:
            raise InputError("limit", self.limit, "must be 1 or more; leave it out for all images")
        try:
            return parse_crop(self.crop)
        except ValueError as error:
            raise InputError("crop", self.crop, str(error)) from None

    def most_faces(self, source: Source) -> int:
        """How many faces the store will have if all photos are good."""
        items = len(self.choices.part_of(len(source.names)))
        return min(items, self.limit or items)


def check_request(request: Request) -> tuple[Source, Framing]:
    """Open the source; return it, and how its photos become faces.

    Raises InputError if anything in the request can't be used.
    """
    crop, choices = request.check(), request.choices
    framing = _framing(request, crop)
    if choices.dedupe is not None:
        require_hash()
    source = open_sources(request.sources, choices.column)
    for name, value, default in (("crop", request.crop, "square"), ("align", choices.align, False)):
        if not source.can_crop and value != default:
            raise InputError(name, value, f"{request.source} can't be cropped; leave `{name}` out")
    if choices.where is not None:
        source = choose(source, choices.where, choices.attributes)
    if not request.most_faces(source):
        raise InputError("part", choices.part, f"is empty: {request.source} has {len(source.names)} items")
    return source, framing


def _framing(request: Request, crop: Crop) -> Framing:
    choices = request.choices
    if not choices.align:
        return Cropped(request.size, crop)
    require_detector()
    aligned = Aligned(request.size, crop, choices.faces == "all", choices.outside == "mirror")
    aligned.check()
    return aligned


def check_room(out: Path, source: Source, request: Request) -> None:
    """Raise InputError if the store can't be written to `out`, or if there is not enough room for it."""
    if source.contains(out):
        raise InputError("out", out, "is inside the source folder; choose a folder outside it")
    check_space(out, request.most_faces(source) * request.size**2 * 3, ", or use a smaller `size` or `limit`")


def check_space(out: Path, needed: int, otherwise: str = "") -> None:
    """Raise InputError if `out` can't be written, or if `needed` bytes are not free there.

    otherwise: what else the user can do; it follows `free some space` in the message.
    """
    parent = writable_parent(out)
    free = shutil.disk_usage(parent).free
    if needed > free:
        problem = f"the store needs {as_bytes(needed)}, and {parent} has {as_bytes(free)} free"
        raise InputError("out", out, f"{problem}; free some space{otherwise}")


def made_from(request: Request, source: Source) -> dict[str, Any]:
    """Everything that the faces depend on: a draft is only continued if none of it has changed."""
    return {
        "identity": source.identity,
        "size": request.size,
        "crop": request.crop,
        "limit": request.limit,
        "choices": request.choices.recorded(),
        "versions": versions_of(request),
    }


def versions_of(request: Request) -> dict[str, str]:
    """Versions of what turns this request's photos into faces."""
    detector = ("mtcnn", "tensorflow") if request.choices.align else ()
    return versions("numpy", "pillow", *detector)


def differences(manifest: Manifest, request: Request, source: Source) -> list[str]:
    """How the store's settings and source differ from the requested ones, each as `old -> new`."""
    pairs = {
        "size": (manifest.size, request.size),
        "crop": (manifest.crop, request.crop),
        "limit": (manifest.limit, request.limit),
    }
    old_choices, new_choices = manifest.choices, request.choices.recorded()
    for name in old_choices | new_choices:
        pairs[name] = (old_choices.get(name), new_choices.get(name))
    if not same_photos(manifest, source):
        old, new = manifest.source_identity, source.identity
        if any(old.get(key) != new.get(key) for key in ("kind", "path")):
            pairs["source"] = (old.get("path", manifest.source), new.get("path", request.source))
        else:
            pairs |= {f"source has changed, {key}": (old.get(key), new[key]) for key in new}
    return [f"{name} {old} -> {new}" for name, (old, new) in pairs.items() if old != new]


def as_bytes(number: int) -> str:
    """A number of bytes as text, in MB, or in GB from a billion bytes on."""
    return f"{number / 1e9:.1f} GB" if number >= 1e9 else f"{number / 1e6:.1f} MB"
