"""Embedded colour profiles (ICC): what a photo's pixel values mean, if they are not sRGB."""

import io
from collections.abc import Callable
from functools import lru_cache

from PIL import Image, ImageChops

UNUSABLE = "the embedded colour profile can't be used; the pixels were taken as sRGB"
"""The note on a photo whose profile is damaged, or does not fit its pixels."""

Convert = Callable[[Image.Image], Image.Image]
"""A function from an image of one mode to an RGB image in sRGB."""

_CLOSE_TO_SRGB = 2  # levels of 255; even profiles of sRGB itself differ by this much


def plain(image: Image.Image) -> Image.Image:
    """The image as RGB, by Pillow's own conversion, which takes the values as sRGB."""
    return image.convert("RGB")


def conversion(image: Image.Image, mode: str) -> tuple[Convert, str | None]:
    """How parts of `image` become sRGB, and a note if its profile can't be used.

    mode: the mode of the parts: `RGB`, `L` or `CMYK`. Without a profile, and where it makes no difference,
    the conversion is `plain`.
    """
    profile = image.info.get("icc_profile")
    if not profile:
        return plain, None
    try:
        return _to_srgb(profile, mode), None
    except Exception:  # Pillow documents none of what it raises on damaged or unsuitable profiles
        return plain, UNUSABLE


@lru_cache(maxsize=16)  # photos of one camera share a profile, and those of printers take 10 ms to load
def _to_srgb(profile: bytes, mode: str) -> Convert:
    from PIL import ImageCms  # few photos need it, and it would delay each worker's start

    transform = ImageCms.buildTransform(
        ImageCms.ImageCmsProfile(io.BytesIO(profile)),
        ImageCms.createProfile("sRGB"),
        mode,
        "RGB",
        ImageCms.Intent.RELATIVE_COLORIMETRIC,
        ImageCms.Flags.BLACKPOINTCOMPENSATION,  # so that black ink on paper becomes black
    )

    def convert(image: Image.Image) -> Image.Image:
        converted = ImageCms.applyTransform(image, transform)
        assert converted is not None  # it would be None if `image` itself were to be changed
        return converted

    return plain if mode != "CMYK" and _changes_little(convert, mode) else convert


def _changes_little(convert: Convert, mode: str) -> bool:
    """Whether a profile is sRGB in effect, whatever it is called."""
    levels = range(0, 256, 15)
    if mode == "L":
        probe = Image.new("L", (256, 1))
        probe.putdata(range(256))
    else:
        probe = Image.new("RGB", (len(levels), len(levels) ** 2))
        probe.putdata([(red, green, blue) for red in levels for green in levels for blue in levels])
    return max(ImageChops.difference(convert(probe), plain(probe)).tobytes()) <= _CLOSE_TO_SRGB
