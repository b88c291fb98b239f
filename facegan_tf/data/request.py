"""A request for a store: what to make it from, and the checks that come before any work."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from facegan_tf.common.errors import InputError
from facegan_tf.common.files import writable_parent
from facegan_tf.config.crop import Crop, parse_crop
from facegan_tf.data.manifest import Manifest
from facegan_tf.data.same_photos import same_photos
from facegan_tf.data.sources import Source, open_source

SIZES = range(8, 1025)
"""Heights and widths of a face, in pixels."""


@dataclass(frozen=True)
class Request:
    """What a store is made from, and how."""

    source: str
    size: int
    """Height and width of a face in pixels."""
    crop: str = "square"
    limit: int | None = None
    """Only the first `limit` good images by name; None: all."""

    def check(self) -> Crop:
        """The parsed crop. Raises InputError for a number or a crop that can't be used."""
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
        return min(len(source.names), self.limit or len(source.names))


def check_request(request: Request) -> tuple[Source, Crop]:
    """Open the source and parse the crop. Raises InputError if anything in the request can't be used."""
    crop = request.check()
    source = open_source(request.source)
    if not source.can_crop and request.crop != "square":
        raise InputError("crop", request.crop, f"{request.source} can't be cropped; leave `crop` out")
    return source, crop


def check_room(out: Path, source: Source, request: Request) -> None:
    """Raise InputError if the store can't be written to `out`, or if there is no room for it."""
    if source.contains(out):
        raise InputError("out", out, "is inside the source folder; choose a folder outside it")
    parent = writable_parent(out)
    needed = request.most_faces(source) * request.size**2 * 3
    free = shutil.disk_usage(parent).free
    if needed > free:
        raise InputError(
            "out",
            out,
            f"the store needs {as_bytes(needed)}, and {parent} has {as_bytes(free)} free; "
            "free some space, or use a smaller `size` or `limit`",
        )


def differences(manifest: Manifest, request: Request, source: Source) -> list[str]:
    """How the store's settings and source differ from the requested ones, each as `old -> new`."""
    pairs = {
        "size": (manifest.size, request.size),
        "crop": (manifest.crop, request.crop),
        "limit": (manifest.limit, request.limit),
    }
    if not same_photos(manifest, source):
        old, new = manifest.source_identity, source.identity
        if any(old.get(key) != new.get(key) for key in ("kind", "path")):
            pairs["source"] = (old.get("path", manifest.source), new.get("path", request.source))
        else:
            pairs |= {f"source has changed, {key}": (old.get(key), new[key]) for key in new}
    return [f"{name} {old} -> {new}" for name, (old, new) in pairs.items() if old != new]


def as_bytes(number: int) -> str:
    """A number of bytes in MB, or in GB from a billion on."""
    return f"{number / 1e9:.1f} GB" if number >= 1e9 else f"{number / 1e6:.1f} MB"
