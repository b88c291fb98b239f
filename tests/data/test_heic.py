"""HEIC photos are read where pillow-heif is installed; elsewhere the reason names the extra."""

import importlib.util
import struct
import sys

import numpy as np
import pytest
from PIL import Image

from facegan_tf.common.errors import Rejected
from facegan_tf.config.crop import Crop
from facegan_tf.data import heic
from facegan_tf.data.decode import decode_face, pillow_warnings
from facegan_tf.data.heic import is_heic
from facegan_tf.data.prepare import prepare
from facegan_tf.data.rejected import read_rejected
from tests.helpers.photos import encoded, pixels, write_zip

INSTALLED = importlib.util.find_spec("pillow_heif") is not None
needs_heif = pytest.mark.skipif(not INSTALLED, reason="pillow-heif is not installed")


def header(*brands: bytes) -> bytes:
    major, *others = brands
    return struct.pack(">I4s4sI", 16 + 4 * len(others), b"ftyp", major, 0) + b"".join(others)


def heic_file(image: np.ndarray, **options) -> bytes:
    assert heic._register()
    return encoded(image, "HEIF", quality=100, chroma=444, **options)


@pytest.fixture
def not_installed(monkeypatch):
    """Make pillow-heif missing, also where it is installed."""
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    heic._register.cache_clear()
    yield
    heic._register.cache_clear()


@pytest.mark.parametrize("brands", [(b"heic",), (b"mif1", b"miaf", b"heic"), (b"hevc", b"msf1"), (b"heix",)])
def test_heic_is_known_by_its_header(brands):
    assert is_heic(header(*brands) + b"rest")


@pytest.mark.parametrize(
    "content",
    [
        *(
            b"",
            b"ftyp",
            b"\0\0\0\x18ftyp",
            b"heic" * 10,
            header(b"avif", b"mif1", b"miaf"),
            header(b"isom", b"mp42"),
        ),
        header(b"isom") + b"heic" * 3,  # behind the list of brands
    ],
)
def test_other_headers_are_not_heic(content):
    assert not is_heic(content)


def test_avif_is_not_taken_for_heic():
    assert not is_heic(encoded(pixels(16, 16), "AVIF"))


@pytest.mark.usefixtures("not_installed")
def test_without_pillow_heif_the_reason_names_the_extra(tmp_path):
    photos = {"IMG_1.jpg": header(b"heic", b"mif1") + bytes(100), "good.png": encoded(pixels(9, 9))}
    prepare(write_zip(tmp_path / "a.zip", photos), tmp_path / "store", 8, workers=1)
    [(name, reason)] = read_rejected(tmp_path / "store")
    assert name == "IMG_1.jpg"
    assert "HEIC" in reason
    assert "facegan_tf[heif]" in reason


@needs_heif
@pytest.mark.parametrize("workers", [1, 2])
def test_with_pillow_heif_photos_are_read(tmp_path, monkeypatch, workers):
    monkeypatch.setattr("facegan_tf.data.workers._CHUNK_ITEMS", 1)
    flat = np.full((32, 32, 3), (200, 100, 50), np.uint8)
    source = write_zip(tmp_path / "a.zip", {"1.HEIC": heic_file(flat), "2.jpg": heic_file(flat)})
    faces = prepare(source, tmp_path / "store", 8, workers=workers).gather(np.arange(2))
    assert np.abs(faces.astype(int) - flat[:8, :8]).max() <= 4


@needs_heif
def test_orientation_is_applied_once():
    upright = np.zeros((32, 32, 3), np.uint8)
    upright[:16, :16] = 255  # white at the top left
    exif = Image.Exif()
    exif[0x0112] = 6
    content = heic_file(np.ascontiguousarray(upright.transpose(1, 0, 2)[::-1]), exif=exif.tobytes())
    with pillow_warnings():
        face = np.asarray(decode_face(content, 32, Crop()).image, int)
    assert np.abs(face - upright).mean() < 8


@needs_heif
def test_damaged_heic_is_rejected():
    content = heic_file(pixels(64, 64))
    for length in range(40, len(content), len(content) // 20):
        with pytest.raises(Rejected), pillow_warnings():
            decode_face(content[:length], 8, Crop())
