"""A file's bytes -> one square RGB face: decode, orient, crop, convert to sRGB, resize.

Only Pillow is used, and the result is pixel-identical to the same calls made by hand. A file that can't be
used raises `Rejected` with a reason of one line.
"""

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from PIL import ExifTags, Image

from facegan_tf.common.errors import Rejected, in_short
from facegan_tf.config.crop import Crop
from facegan_tf.data.colour_profiles import Convert, conversion, plain
from facegan_tf.data.heic import HEIC, is_heic, require_heic

# Left out on purpose: EPS and WMF, which Pillow passes to other programs, and formats that plugins of other
# packages may add, except for HEIC: the result would depend on what is installed.
PHOTO_FORMATS = (
    *("JPEG", "PNG", "WEBP", "AVIF", "GIF", "BMP", "TIFF", "JPEG2000"),
    *("PPM", "TGA", "ICO", "ICNS", "PCX", "SGI", "PSD", "DDS", "QOI"),
)
"""Pillow's names of the formats that photos may have; HEIC is added where it can be read."""

MAX_SCANS = 100
"""Most scans that a JPEG may have, as in libtiff; progressive ones have ten. Small scans take time, too."""

_MARKER = re.compile(rb"\xff([^\x00\x01\xd0-\xd8\xff])")  # of a segment, or the end; not inside a scan's data
_STRIP = 2**20  # pixels whose mode is converted at a time
_GREY_MODES = ("1", "L", "LA", "I", "F")

# What undoes each EXIF orientation. `ImageOps.exif_transpose` also rewrites all tags, and fails on odd ones.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class Decoded(NamedTuple):
    """An RGB image, and a note of what was ignored in its file (None: nothing)."""

    image: Image.Image
    note: str | None


@contextmanager
def pillow_warnings() -> Iterator[None]:
    """A block in which Pillow's warning of a decompression bomb is an error, and other warnings are silenced.

    Enter it once for many files: entering it for each would take a tenth of the whole time.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def decode_face(content: bytes, size: int, crop: Crop) -> Decoded:
    """Decode a file's bytes to an RGB image of `size` x `size` pixels. Raises Rejected.

    EXIF orientation is applied before the crop. Of an animation, the first frame is taken. Embedded colour
    profiles are converted to sRGB, transparency is composited over black, and 16-bit greys are scaled to 8
    bits. The resize is Lanczos with antialiasing. Call this inside `pillow_warnings()`.
    """
    with _reasons():
        image = _open(content)
        box = crop.box_in(*image.size)
        if box != (0, 0, *image.size):
            image = image.crop(box)  # under the same name, so that the whole photo's memory is freed
        rgb, note = to_rgb(image)
        return Decoded(rgb.resize((size, size), Image.Resampling.LANCZOS), note)


def decode_whole(content: bytes) -> Decoded:
    """Decode a file's bytes as `decode_face` does, without crop and resize. Raises Rejected."""
    with _reasons():
        return to_rgb(_open(content))


def _open(content: bytes) -> Image.Image:
    """The image, turned as its EXIF orientation says."""
    if not content:
        raise Rejected("the file is empty")
    formats: tuple[str, ...] = PHOTO_FORMATS
    if is_heic(content):
        require_heic()
        formats = (HEIC,)
    image = Image.open(io.BytesIO(content), formats=formats)
    if image.format in ("JPEG", "MPO") and _scans(content) > MAX_SCANS:
        raise Rejected(f"a JPEG of more than {MAX_SCANS} scans, which would take too long")
    image.load()
    turn = _TURNS.get(_orientation(image))
    return image if turn is None else image.transpose(turn)


def _scans(content: bytes) -> int:
    """The number of scans of a JPEG. A film or another picture after its end does not count."""
    scans, place = 0, 2
    while (marker := _MARKER.search(content, place)) and marker[1] != b"\xd9":
        scans += marker[1] == b"\xda"
        place = marker.end() + int.from_bytes(content[marker.end() : marker.end() + 2], "big")
    return scans


def _orientation(image: Image.Image) -> Any:
    """The value of the EXIF tag, whatever its type; 1 if the tags are damaged, as the pixels may not be."""
    try:
        return image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # anything, as in `_reasons`
        return 1


@contextmanager
def _reasons() -> Iterator[None]:
    """Turn what Pillow raises in the block into Rejected.

    On damaged files it raises nearly anything, and documents none of it: fuzzing found a dozen types.
    """
    try:
        yield
    except Rejected:
        raise
    except Image.UnidentifiedImageError:  # its own message contains a memory address
        raise Rejected("not an image in a supported format") from None
    except Exception as error:
        raise Rejected(one_line(error)) from None


def one_line(error: BaseException) -> str:
    """An exception as one line: Pillow's own message, after the type where the message alone says little."""
    message = in_short(" ".join(str(error).split()), 200)
    if isinstance(error, (OSError, Image.DecompressionBombError, Image.DecompressionBombWarning)) and message:
        return message
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


def to_rgb(image: Image.Image) -> Decoded:
    """Any Pillow mode as 8-bit sRGB, transparency over black. Raises Rejected if white is undefined."""
    mode = _profile_mode(image)
    convert, note = conversion(image, mode)
    if convert is plain and image.mode == "RGB" and "transparency" not in image.info:
        return Decoded(image, note)
    rgb = Image.new("RGB", image.size)
    rows = max(1, _STRIP // image.width)
    for top in range(0, image.height, rows):  # in strips: other modes would take as much memory again
        strip = image.crop((0, top, image.width, min(top + rows, image.height)))
        rgb.paste(_strip_to_rgb(strip, mode, convert), (0, top))
    return Decoded(rgb, note)


def _profile_mode(image: Image.Image) -> str:
    """The mode of the colours that a colour profile of this image describes."""
    if image.mode in _GREY_MODES or image.mode.startswith("I;16"):
        return "L"
    return "CMYK" if image.mode == "CMYK" else "RGB"


def _strip_to_rgb(image: Image.Image, mode: str, convert: Convert) -> Image.Image:
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return _deep_grey_to_rgb(image, convert)
    if not image.has_transparency_data:
        return convert(image.convert(mode))
    rgba = image.convert("RGBA")
    colours = convert(image.convert("L") if mode == "L" else rgba.convert("RGB"))
    over_black = Image.new("RGB", image.size)
    over_black.paste(colours, mask=rgba.getchannel("A"))
    return over_black


def _deep_grey_to_rgb(image: Image.Image, convert: Convert) -> Image.Image:
    """Greys of more than 8 bits. Raises Rejected unless integers are 0..65535 and floats 0..1.

    Pillow's own conversion clips them at 255, which makes nearly everything white.
    """
    import numpy as np  # few files need it, and without it a worker starts in half the time

    grey = np.asarray(image)
    white = 1 if image.mode == "F" else 65535
    if not (grey.min() >= 0 and grey.max() <= white):  # "not", so that NaN fails too
        raise Rejected(f"grey values of {grey.min():g} to {grey.max():g}, outside 0 to {white}")
    rgb = convert(Image.fromarray(np.rint(grey * (255 / white)).astype(np.uint8)))
    if isinstance(transparent := image.info.get("transparency"), int):
        rgb.paste((0, 0, 0), mask=Image.fromarray((grey == transparent).astype(np.uint8) * 255))
    return rgb
