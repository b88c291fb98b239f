"""Small copies of pictures, and what is left out."""

import struct
import zlib

import pytest
from PIL import Image

from facegan_tf.common.thumbnails import thumbnail


@pytest.fixture
def path(tmp_path):
    Image.effect_noise((60, 40), 50).convert("RGB").save(tmp_path / "grid.png")
    return tmp_path / "grid.png"


def with_width(png, width):
    """The PNG with another width, and the checksum to match."""
    header = png[12:16] + struct.pack(">I", width) + png[20:29]
    return png[:12] + header + struct.pack(">I", zlib.crc32(header)) + png[33:]


@pytest.mark.parametrize(("pixels", "size"), [(30, (30, 20)), (100, (60, 40))])
def test_a_picture_is_reduced_and_never_enlarged(path, pixels, size):
    assert thumbnail(path, pixels).size == size


@pytest.mark.parametrize(
    "damage",
    [
        lambda png: b"",
        lambda png: png[:200],
        lambda png: png[:18] + b"\xff" + png[19:],
        lambda png: with_width(png, 2**30),
        lambda png: with_width(png, 0),
    ],
)
def test_a_damaged_picture_is_left_out_with_a_warning(path, damage, capsys):
    path.write_bytes(damage(path.read_bytes()))
    assert thumbnail(path, 30) is None
    assert f"warning: {path}" in capsys.readouterr().err
