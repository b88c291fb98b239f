"""One file's bytes -> one square RGB face: decode, orient, crop, resize.

Plain Pillow throughout, so the result is pixel-identical to the same calls made by hand. What can't be
used raises `Rejected` with a reason of one line.
"""

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from PIL import ExifTags, Image

from facegan_tf.common.errors import Rejected, in_short
from facegan_tf.config.crop import Crop

# What photos come in. Left out on purpose: EPS and WMF, which Pillow hands to other programs, and formats
# that plugins of other packages may add, which would make the result depend on what is installed.
PHOTO_FORMATS = (
    *("JPEG", "PNG", "WEBP", "AVIF", "GIF", "BMP", "TIFF", "JPEG2000"),
    *("PPM", "TGA", "ICO", "ICNS", "PCX", "SGI", "PSD", "DDS", "QOI"),
)

SCANS = 100
"""Of a JPEG, as in libtiff. Progressive ones have ten; each takes its time, and few bytes suffice for one."""

_MARKER = re.compile(rb"\xff([^\x00\x01\xd0-\xd8\xff])")  # of a segment, or the end: not within a scan's data
_STRIP = 2**20  # pixels whose mode is converted at once

# What undoes each EXIF orientation. `ImageOps.exif_transpose` also writes all tags anew: odd ones break it.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@contextmanager
def pillow_warnings() -> Iterator[None]:
    """Within it Pillow's warning of a decompression bomb is an error, and its other warnings are silent.

    Entered once a chunk of files: entering it for each file would cost a tenth of the whole work.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def decode_face(content: bytes, size: int, crop: Crop) -> Image.Image:
    """Decode a file's bytes to an RGB image of `size` x `size`.

    EXIF orientation is applied before the crop; of an animation the first frame is taken; transparency is
    composited over black; 16-bit greys are scaled to 8 bits; then Lanczos, antialiased. Colour profiles are
    not applied. Call it within `pillow_warnings()`. Raises Rejected.
    """
    with _reasons():
        image = _open(content)
        box = crop.box_in(*image.size)
        if box != (0, 0, *image.size):
            image = image.crop(box)  # the name of the whole is taken: it may be large, and is needed no more
        return to_rgb(image).resize((size, size), Image.Resampling.LANCZOS)


def decode_whole(content: bytes) -> Image.Image:
    """Decode a file's bytes to an RGB image as `decode_face`, without crop and resize. Raises Rejected."""
    with _reasons():
        return to_rgb(_open(content))


def _open(content: bytes) -> Image.Image:
    """The image, turned as its EXIF orientation says."""
    if not content:
        raise Rejected("the file is empty")
    image = Image.open(io.BytesIO(content), formats=PHOTO_FORMATS)
    if image.format in ("JPEG", "MPO") and _scans(content) > SCANS:
        raise Rejected(f"a JPEG of more than {SCANS} scans, which would take too long")
    image.load()
    turn = _TURNS.get(_orientation(image))
    return image if turn is None else image.transpose(turn)


def _scans(content: bytes) -> int:
    """How often a JPEG goes over its pixels. What follows its end, a film or another picture, is left out."""
    scans, place = 0, 2
    while (marker := _MARKER.search(content, place)) and marker[1] != b"\xd9":
        scans += marker[1] == b"\xda"
        place = marker.end() + int.from_bytes(content[marker.end() : marker.end() + 2], "big")
    return scans


def _orientation(image: Image.Image) -> Any:
    """The value of the EXIF tag, whatever it holds; 1 where the tags are damaged: the pixels need not be."""
    try:
        return image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # as in `_reasons`
        return 1


@contextmanager
def _reasons() -> Iterator[None]:
    """Turn what Pillow raises in the block into Rejected.

    On damaged files it raises nearly anything, and documents none of it: mutated files met a dozen types.
    """
    try:
        yield
    except Rejected:
        raise
    except Image.UnidentifiedImageError:  # its own message holds a memory address
        raise Rejected("not an image of a format that is read here") from None
    except Exception as error:
        raise Rejected(one_line(error)) from None


def one_line(error: BaseException) -> str:
    """An exception as one line: Pillow's own words, led by the type where they say little without it."""
    words = in_short(" ".join(str(error).split()), 200)
    if isinstance(error, (OSError, Image.DecompressionBombError, Image.DecompressionBombWarning)) and words:
        return words
    return f"{type(error).__name__}: {words}" if words else type(error).__name__


def to_rgb(image: Image.Image) -> Image.Image:
    """Any Pillow mode as 8-bit RGB, transparency over black; Rejected where the white point is unknown."""
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    rgb = Image.new("RGB", image.size)
    rows = max(1, _STRIP // image.width)
    for top in range(0, image.height, rows):  # what lies between the two modes is never there as a whole
        strip = image.crop((0, top, image.width, min(top + rows, image.height)))
        rgb.paste(_strip_to_rgb(strip), (0, top))
    return rgb


def _strip_to_rgb(image: Image.Image) -> Image.Image:
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return _deep_grey_to_rgb(image)
    if not image.has_transparency_data:
        return image.convert("RGB")
    rgba = image.convert("RGBA")
    over_black = Image.new("RGB", image.size)
    over_black.paste(rgba, mask=rgba.getchannel("A"))
    return over_black


def _deep_grey_to_rgb(image: Image.Image) -> Image.Image:
    """Greys of more than 8 bits: integers are 0..65535 and floats 0..1, or the file is rejected.

    Pillow's own conversion clips them at 255, which turns nearly everything white.
    """
    import numpy as np  # here: few files need it, and without it a worker starts in half the time

    grey = np.asarray(image)
    white = 1 if image.mode == "F" else 65535
    if not (grey.min() >= 0 and grey.max() <= white):  # "not": NaN fails it too
        raise Rejected(f"grey values of {grey.min():g} to {grey.max():g}, outside 0 to {white}")
    eight_bit = np.rint(grey * (255 / white)).astype(np.uint8)
    if isinstance(transparent := image.info.get("transparency"), int):
        eight_bit[grey == transparent] = 0
    return Image.fromarray(eight_bit).convert("RGB")
