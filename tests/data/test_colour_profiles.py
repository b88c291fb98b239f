"""Photos with embedded colour profiles become sRGB."""

import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from facegan_tf.config.crop import parse_crop
from facegan_tf.data import decode as decode_module
from facegan_tf.data.colour_profiles import UNUSABLE
from facegan_tf.data.decode import Decoded, decode_face, pillow_warnings
from facegan_tf.data.prepare import prepare
from facegan_tf.data.store import FaceStore
from tests.helpers.photos import bare_pillow, encoded, icc_profile, pixels, write_zip

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def swapped() -> bytes:
    """The profile of sRGB with the primaries of red and green exchanged."""
    profile = bytearray(SRGB)
    red, green = (profile.index(tag, 128) for tag in (b"rXYZ", b"gXYZ"))
    profile[red : red + 4], profile[green : green + 4] = b"gXYZ", b"rXYZ"
    return bytes(profile)


def grey_of_gamma(gamma: float) -> bytes:
    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256))
    white = b"XYZ " + bytes(4) + struct.pack(">3i", 0xF6D6, 0x10000, 0xD32D)
    return icc_profile("GRAY", "XYZ ", {"wtpt": white, "kTRC": curve})


def inks(cyan: tuple[int, int, int]) -> bytes:
    """A CMYK profile: cyan ink has this Lab colour, no ink is white, and all else is the black of paper."""
    table = [(255, 128, 128) if ink == 0 else cyan if ink == 8 else (30, 128, 128) for ink in range(16)]
    back = [(255,) * 4] * 4 + [(0,) * 4] * 4  # dark and light colours as inks
    tags = {"wtpt": b"XYZ " + bytes(4) + struct.pack(">3i", 0xF6D6, 0x10000, 0xD32D)}
    return icc_profile("CMYK", "Lab ", tags | {"A2B0": lookup(table, 4, 3), "B2A0": lookup(back, 3, 4)})


def lookup(table: list[tuple[int, ...]], inputs: int, outputs: int) -> bytes:
    """A table of a profile (mft1) with two points for each input, and straight lines between them."""
    matrix = struct.pack(">9i", *(0x10000 * (k % 4 == 0) for k in range(9)))
    ramp = bytes(range(256))
    values = bytes(value for colour in table for value in colour)
    return (
        b"mft1"
        + bytes([0, 0, 0, 0, inputs, outputs, 2, 0])
        + matrix
        + ramp * inputs
        + values
        + ramp * outputs
    )


SWAPPED = swapped()
PHOTO = pixels(12, 12)
RED_AND_GREEN = np.zeros((2, 2, 3), np.uint8)
RED_AND_GREEN[:, 0], RED_AND_GREEN[:, 1] = (255, 0, 0), (0, 255, 0)


def decoded(content: bytes, size: int, crop: str = "square") -> Decoded:
    with pillow_warnings():
        return decode_face(content, size, parse_crop(crop))


def assert_close(image: Image.Image, expected: np.ndarray, most: int = 3) -> None:
    assert np.abs(np.asarray(image, int) - expected).max() <= most


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP", "JPEG"])
def test_a_profile_that_swaps_red_and_green_is_applied(kind: str) -> None:
    options = {"WEBP": {"lossless": True}, "JPEG": {"quality": 100, "subsampling": 0}}.get(kind, {})
    image, note = decoded(encoded(PHOTO, kind, icc_profile=SWAPPED, **options), 12)
    assert note is None
    assert_close(image, PHOTO[..., [1, 0, 2]], most=8 if kind == "JPEG" else 3)


@pytest.mark.parametrize("strip", [1, 2**20])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
def test_colours_are_right_in_all_modes_and_strips(
    mode: str, strip: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decode_module, "_STRIP", strip)
    image = Image.fromarray(RED_AND_GREEN).convert(mode)
    content = encoded(image, icc_profile=SWAPPED)
    assert_close(decoded(content, 2).image, RED_AND_GREEN[:, ::-1])


def test_transparency_is_composited_after_the_conversion() -> None:
    image = Image.fromarray(RED_AND_GREEN).convert("RGBA")
    image.putalpha(Image.fromarray(np.array([[255, 51], [255, 0]], np.uint8)))
    face, note = decoded(encoded(image, icc_profile=SWAPPED), 2)
    assert note is None
    assert_close(face, np.array([[(0, 255, 0), (51, 0, 0)], [(0, 255, 0), (0, 0, 0)]]))


def test_a_transparent_index_of_a_palette_is_black() -> None:
    image = Image.new("P", (2, 2))
    image.putpalette([255, 0, 0, 0, 255, 0])
    image.putdata([0, 1, 0, 1])
    face, _ = decoded(encoded(image, transparency=1, icc_profile=SWAPPED), 2)
    assert_close(face, np.array([[(0, 255, 0), (0, 0, 0)]] * 2))


def test_orientation_and_crop_are_applied_too() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the stored rows are the upright image's columns
    upright = pixels(9, 12)
    stored = np.ascontiguousarray(upright.transpose(1, 0, 2)[::-1])
    content = encoded(stored, exif=exif, icc_profile=SWAPPED)
    assert_close(decoded(content, 5, "box:1,3,6,8").image, upright[3:8, 1:6, [1, 0, 2]])


@pytest.mark.parametrize("kind", ["8 bits", "16 bits", "with alpha"])
def test_grey_profiles_are_applied(kind: str) -> None:
    levels = np.array([[0, 64, 128, 255]] * 4, np.uint8)
    image = Image.fromarray(levels if kind != "16 bits" else levels.astype(np.uint16) * 257)
    if kind == "with alpha":
        image = Image.merge("LA", [image, Image.new("L", image.size, 255)])
    linear = levels / 255  # as a profile of gamma 1 says
    expected = 255 * np.where(linear < 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    face, note = decoded(encoded(image, icc_profile=grey_of_gamma(1.0)), 4)
    assert note is None
    assert_close(face, np.repeat(expected[..., None], 3, axis=2))


def test_a_transparent_grey_of_16_bits_is_black() -> None:
    image = Image.fromarray(np.array([[1000, 65535]] * 2, np.uint16))
    content = encoded(image, icc_profile=grey_of_gamma(1.0))
    chunk = b"tRNS\xff\xff"
    place = content.index(b"IDAT") - 4
    chunk = struct.pack(">I", 2) + chunk + struct.pack(">I", zlib.crc32(chunk))
    face, _ = decoded(content[:place] + chunk + content[place:], 2)
    values = np.asarray(face)
    assert values[0, 0, 0] > 20
    assert (values[:, 1] == 0).all()


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk_profiles_are_applied(kind: str) -> None:
    red_as_lab = (round(53.2 * 2.55), 128 + 80, 128 + 67)
    image = Image.new("CMYK", (16, 16), (255, 0, 0, 0))
    options = {"quality": 95} if kind == "JPEG" else {}
    face, note = decoded(encoded(image, kind, icc_profile=inks(red_as_lab), **options), 16)
    assert note is None
    assert_close(face, np.broadcast_to((255, 0, 0), (16, 16, 3)), most=12)
    for key, level in {0: 255, 255: 0}.items():  # black ink becomes black, not the dark grey that it is
        content = encoded(
            Image.new("CMYK", (16, 16), (0, 0, 0, key)), kind, icc_profile=inks(red_as_lab), **options
        )
        assert_close(decoded(content, 16).image, np.full((16, 16, 3), level))


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P"])
def test_profiles_of_srgb_change_no_pixel(mode: str) -> None:
    image = Image.fromarray(PHOTO).convert(mode)
    profile = SRGB if mode != "L" else grey_of_srgb()
    face, note = decoded(encoded(image, icc_profile=profile), 8)
    assert note is None
    np.testing.assert_array_equal(face, decoded(encoded(image), 8).image)


def grey_of_srgb() -> bytes:
    levels = np.arange(1024) / 1023
    linear = np.where(levels < 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)
    curve = b"curv" + bytes(4) + struct.pack(">I1024H", 1024, *np.rint(linear * 65535).astype(int))
    white = b"XYZ " + bytes(4) + struct.pack(">3i", 0xF6D6, 0x10000, 0xD32D)
    return icc_profile("GRAY", "XYZ ", {"wtpt": white, "kTRC": curve})


def test_profiles_of_srgb_are_skipped_for_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    content = encoded(PHOTO, icc_profile=SRGB)
    decoded(content, 8)
    monkeypatch.setattr(ImageCms, "applyTransform", None)
    decoded(content, 8)


def test_a_profile_is_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    content = encoded(PHOTO, icc_profile=SWAPPED)
    decoded(content, 8)
    monkeypatch.setattr(ImageCms, "buildTransform", None)
    assert_close(decoded(content, 12).image, PHOTO[..., [1, 0, 2]])


BROKEN = {
    "zeros": bytes(200),
    "text": b"not a profile",
    "cut": SRGB[:300],
    "grey pixels are expected": grey_of_gamma(1.0),
    "inks are expected": inks((0, 128, 128)),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_photos_with_an_unusable_profile_are_used_with_a_note(broken: str) -> None:
    content = encoded(PHOTO, icc_profile=BROKEN[broken])
    face, note = decoded(content, 8)
    assert note == UNUSABLE
    np.testing.assert_array_equal(face, bare_pillow(content, 8))


@pytest.mark.parametrize("workers", [1, 2])
def test_the_manifest_and_the_summary_count_unusable_profiles(tmp_path, capsys, monkeypatch, workers) -> None:
    monkeypatch.setattr("facegan_tf.data.workers._CHUNK_ITEMS", 2)
    members = {f"{k}.png": encoded(PHOTO, icc_profile=BROKEN["text"]) for k in range(3)}
    members |= {"4.png": encoded(PHOTO, icc_profile=SWAPPED), "5.png": encoded(PHOTO), "6.png": b""}
    prepare(write_zip(tmp_path / "a.zip", members), tmp_path / "store", 12, workers=workers)
    store = FaceStore.open(tmp_path / "store")
    assert store.manifest.notes == {UNUSABLE: 3}
    assert f"3 images used with a note: {UNUSABLE}" in capsys.readouterr().err
    assert_close(store.gather(np.array([3]))[0], PHOTO[..., [1, 0, 2]])


def test_photos_without_a_profile_load_no_colour_management() -> None:
    code = (
        "import sys; from facegan_tf.config.crop import Crop; "
        "from facegan_tf.data.decode import decode_face; "
        "decode_face(sys.stdin.buffer.read(), 8, Crop()); sys.exit('PIL.ImageCms' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], input=encoded(PHOTO), check=True)
