import io
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import PIL
import pytest
from PIL import Image

from facegan_tf.common.errors import Rejected
from facegan_tf.config.crop import parse_crop
from facegan_tf.data import decode as decode_module
from facegan_tf.data.decode import PHOTO_FORMATS, decode_face, one_line, pillow_warnings
from facegan_tf.data.synthetic.faces import draw_face
from tests.helpers.photos import PEAK_MEMORY, bare_pillow, encoded, pixels, raw_png


def decoded(content: bytes, size: int, crop: str = "square") -> np.ndarray:
    with pillow_warnings():
        return np.asarray(decode_face(content, size, parse_crop(crop)).image)


def reason(content: bytes, size: int = 8, crop: str = "square") -> str:
    with pytest.raises(Rejected) as caught:
        decoded(content, size, crop)
    assert "\n" not in str(caught.value)
    assert " at 0x" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("crop", ["center:21", "box:0,0,21,21", "box:10,10,25,25", "box:25,5,31,11"])
def test_an_image_too_small_for_the_crop_is_rejected_with_its_size(crop: str) -> None:
    text = reason(encoded(pixels(20, 30)), crop=crop)
    assert "30x20" in text
    assert crop in text


@pytest.mark.parametrize("shape", [(109, 89), (40, 64), (16, 16), (5, 3)])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_pixels_equal_those_of_plain_pillow_calls(shape: tuple[int, int], kind: str) -> None:
    content = encoded(pixels(*shape), kind)
    np.testing.assert_array_equal(decoded(content, 16), bare_pillow(content, 16))


def test_a_box_is_cut_before_the_resize() -> None:
    image = pixels(50, 60)
    expected = Image.fromarray(image[7:37, 11:41]).resize((8, 8), Image.Resampling.LANCZOS)
    np.testing.assert_array_equal(decoded(encoded(image), 8, "box:11,7,41,37"), np.asarray(expected))


def test_resizing_down_is_antialiased() -> None:
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 255
    assert np.ptp(decoded(encoded(stripes), 8).astype(int)) <= 16  # grey; picking pixels gives 0 or 255
    assert abs(decoded(encoded(stripes), 8).mean() - 127.5) < 2


# How an upright image is stored under each EXIF orientation, from the standard's "0th row / 0th column".
STORED = {
    1: lambda upright: upright,
    2: lambda upright: upright[:, ::-1],  # top, right
    3: lambda upright: upright[::-1, ::-1],  # bottom, right
    4: lambda upright: upright[::-1],  # bottom, left
    5: lambda upright: upright.transpose(1, 0, 2),  # left, top
    6: lambda upright: upright.transpose(1, 0, 2)[::-1],  # right, top
    7: lambda upright: upright.transpose(1, 0, 2)[::-1, ::-1],  # right, bottom
    8: lambda upright: upright.transpose(1, 0, 2)[:, ::-1],  # left, bottom
}


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
def test_orientation_is_applied_before_the_crop(orientation: int, kind: str) -> None:
    upright = pixels(9, 12)
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if kind == "WEBP" else {}
    content = encoded(np.ascontiguousarray(STORED[orientation](upright)), kind, exif=exif, **options)
    np.testing.assert_array_equal(decoded(content, 5, "box:1,3,6,8"), upright[3:8, 1:6])


def test_orientation_of_a_jpeg() -> None:
    upright = np.zeros((16, 16, 3), np.uint8)
    upright[:8, :8] = 255  # white at the top left
    exif = Image.Exif()
    exif[0x0112] = 6
    content = encoded(np.ascontiguousarray(STORED[6](upright)), "JPEG", exif=exif, quality=95)
    assert np.abs(decoded(content, 16).astype(int) - upright).max() < 8


def grey16(*values: int) -> Image.Image:
    return Image.fromarray(np.array([values] * len(values), np.uint16))


def row(*colours: tuple[int, int, int]) -> np.ndarray:
    return np.array([colours] * len(colours), np.uint8)


def with_palette(mode: str = "P") -> Image.Image:
    image = Image.new("P", (2, 2))
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.putdata([0, 1, 0, 1])
    return image.convert(mode) if mode != "P" else image


def solid(mode: str, colours: list) -> Image.Image:
    image = Image.new(mode, (len(colours), len(colours)))
    image.putdata(colours * len(colours))
    return image


GREY16 = (0, 128, 129, 257, 300, 257 * 200, 65535)
GREY16_AS_8 = row(*[(v, v, v) for v in (0, 0, 1, 1, 1, 200, 255)])  # v / 257, rounded
MODES = {
    "1": (encoded(solid("1", [0, 255])), row((0, 0, 0), (255, 255, 255))),
    "L": (encoded(solid("L", [7, 201])), row((7, 7, 7), (201, 201, 201))),
    "LA": (encoded(solid("LA", [(200, 255), (200, 128)])), row((200, 200, 200), (100, 100, 100))),
    "P": (encoded(with_palette()), row((10, 20, 30), (200, 100, 50))),
    "P, one index transparent": (encoded(with_palette(), transparency=1), row((10, 20, 30), (0, 0, 0))),
    "P, alpha a colour": (
        encoded(with_palette(), transparency=bytes([255, 51])),
        row((10, 20, 30), (40, 20, 10)),
    ),
    "RGBA": (
        encoded(solid("RGBA", [(255, 100, 50, 51), (9, 8, 7, 255), (255, 255, 255, 0)])),
        row((51, 20, 10), (9, 8, 7), (0, 0, 0)),
    ),
    "RGB, one colour transparent": (
        encoded(solid("RGB", [(1, 2, 3), (4, 5, 6)]), transparency=(4, 5, 6)),
        row((1, 2, 3), (0, 0, 0)),
    ),
    "L, one grey transparent": (encoded(solid("L", [9, 8]), transparency=8), row((9, 9, 9), (0, 0, 0))),
    "CMYK": (
        encoded(solid("CMYK", [(0, 0, 0, 0), (255, 0, 0, 0), (0, 255, 255, 0), (0, 0, 0, 255)]), "TIFF"),
        row((255, 255, 255), (0, 255, 255), (255, 0, 0), (0, 0, 0)),
    ),
    "16-bit grey PNG": (encoded(grey16(*GREY16)), GREY16_AS_8),
    "16-bit grey TIFF": (encoded(grey16(*GREY16), "TIFF"), GREY16_AS_8),
    "16-bit grey PGM": (
        b"P5 7 7 65535\n" + np.array([GREY16] * 7, ">u2").tobytes(),
        GREY16_AS_8,
    ),
    "16-bit grey, one transparent": (
        raw_png(2, 2, 16, 0, struct.pack(">4H", 514, 65535, 514, 65535)).replace(
            struct.pack(">I", 0) + b"IEND",
            struct.pack(">I", 2)
            + b"tRNS\xff\xff"
            + struct.pack(">I", zlib.crc32(b"tRNS\xff\xff"))
            + b"\0\0\0\0IEND",
        ),
        row((2, 2, 2), (0, 0, 0)),
    ),
    "16-bit RGB PNG": (
        raw_png(2, 2, 16, 2, struct.pack(">6H", 0x1234, 0xFFFF, 0, 0x0100, 0x8000, 0x7F00) * 2),
        row((0x12, 0xFF, 0), (1, 0x80, 0x7F)),
    ),
    "32-bit grey TIFF": (encoded(grey16(*GREY16).convert("I"), "TIFF"), GREY16_AS_8),
    "float TIFF": (
        encoded(Image.fromarray(np.array([[0, 0.5], [0, 0.5]], np.float32)), "TIFF"),
        row((0, 0, 0), (128, 128, 128)),  # 127.5 to even
    ),
    "BMP": (encoded(row((1, 2, 3), (4, 5, 6)), "BMP"), row((1, 2, 3), (4, 5, 6))),
    "YCbCr TIFF": (
        encoded(solid("YCbCr", [(0, 128, 128), (255, 128, 128)]), "TIFF"),
        row((0, 0, 0), (255, 255, 255)),
    ),
}


@pytest.mark.parametrize("mode", MODES)
def test_modes_become_rgb_over_black(mode: str) -> None:
    if mode == "YCbCr TIFF" and int(PIL.__version__.split(".")[0]) < 13:
        pytest.skip("Pillow before 13 can't read back the YCbCr TIFF that it writes here")
    content, expected = MODES[mode]
    np.testing.assert_array_equal(decoded(content, len(expected)), expected)


@pytest.mark.parametrize("mode", MODES)
def test_strips_of_a_large_image_fit_together(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode_module, "_STRIP", 1)  # a row each
    test_modes_become_rgb_over_black(mode)


@pytest.mark.skipif(sys.platform != "linux", reason="reads peak memory where Linux has it")
@pytest.mark.parametrize("mode", ["RGBA", "I;16", "LA", "RGB"])
def test_memory_is_bounded_by_the_photo_and_its_square(mode: str, tmp_path: Path) -> None:
    """Pillow takes 4 bytes per pixel for each; intermediate modes are made in strips."""
    code = (
        "import sys; import numpy; from facegan_tf.config.crop import parse_crop; "
        "from facegan_tf.data.decode import decode_face; "
        "small, large = (open(path, 'rb').read() for path in sys.argv[1:]); "
        f"decode_face(small, 8, parse_crop('square')); before = {PEAK_MEMORY}; "
        f"decode_face(large, 8, parse_crop('center:3999')); print({PEAK_MEMORY} - before)"
    )
    files = [tmp_path / "small.png", tmp_path / "large.png"]
    for file, side in zip(files, (40, 4000), strict=True):
        Image.new(mode, (side, side)).save(file, compress_level=1)
    ended = subprocess.run([sys.executable, "-c", code, *files], check=True, capture_output=True)
    assert 4 * 4000**2 <= int(ended.stdout) < 2.6 * 4 * 4000**2


def test_an_inverted_cmyk_jpeg_is_not_a_negative() -> None:
    """Pillow writes CMYK JPEGs the way Adobe does, inverted and so marked."""
    red = encoded(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "JPEG", quality=95)
    assert b"Adobe" in red
    assert np.abs(decoded(red, 16).astype(int) - (255, 0, 0)).max() < 8


@pytest.mark.parametrize("values", [[[0, 70000], [0, 1]], [[-1, 5], [0, 1]]])
def test_deep_integers_without_a_known_white_are_rejected(values: list) -> None:
    image = Image.fromarray(np.array(values, np.int32))
    assert "outside 0 to 65535" in reason(encoded(image, "TIFF"))


@pytest.mark.parametrize("value", [255.0, -0.1, np.nan])
def test_floats_outside_0_to_1_are_rejected(value: float) -> None:
    image = Image.fromarray(np.array([[0.5, value]] * 2, np.float32))
    assert "outside 0 to 1" in reason(encoded(image, "TIFF"))


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_the_first_frame_of_an_animation_is_used(kind: str) -> None:
    red, blue = Image.new("RGB", (4, 4), (255, 0, 0)), Image.new("RGB", (4, 4), (0, 0, 255))
    options = {"lossless": True} if kind == "WEBP" else {}
    content = encoded(red, kind, save_all=True, append_images=[blue, blue], **options)
    assert (decoded(content, 4) == (255, 0, 0)).all()


def test_an_empty_file_is_rejected() -> None:
    assert reason(b"") == "the file is empty"


@pytest.mark.parametrize(
    "content", [b"hello, I am not an image\n" * 20, b"\0" * 500, b"%!PS-Adobe-3.0 EPSF-3.0\n" * 9]
)
def test_a_file_that_is_not_a_photo_is_rejected(content: bytes) -> None:
    assert reason(content) == "not an image in a supported format"


def test_postscript_is_not_passed_to_ghostscript() -> None:
    assert "not an image" in reason(encoded(pixels(9, 9), "EPS"))


def test_an_error_of_several_lines_becomes_one_line() -> None:
    assert one_line(ValueError("bad\n  thing")) == "ValueError: bad thing"
    assert one_line(OSError("image file is truncated")) == "image file is truncated"
    assert one_line(MemoryError()) == "MemoryError"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
def test_a_file_truncated_anywhere_is_rejected_unless_it_has_all_pixels(kind: str) -> None:
    options = {"progressive": True} if kind == "JPEG" else {}
    content = encoded(pixels(12, 12), kind, **options)
    whole = decoded(content, 12)
    kept = 0
    for length in range(len(content)):
        try:
            pixels_left = decoded(content[:length], 12)
        except Rejected:
            continue
        np.testing.assert_array_equal(pixels_left, whole, err_msg=f"{length} bytes of {len(content)}")
        kept += 1
    assert kept <= 20  # the end of a file may hold no pixels


def test_the_reason_for_a_truncated_jpeg_says_so() -> None:
    whole = encoded(pixels(64, 64), "JPEG")
    assert "truncated" in reason(whole[: len(whole) // 2])


@pytest.mark.parametrize(("width", "height"), [(20000, 20000), (10000, 9000)])
def test_decompression_bombs_are_rejected_by_their_header(width: int, height: int) -> None:
    """Above Pillow's limit, it warns; above twice the limit, it raises."""
    bomb = raw_png(width, height, 1, 0, b"\0" * height)  # far too few bytes: never decoded
    assert "decompression bomb" in reason(bomb)


def progressive(scans: int) -> tuple[bytes, bytes]:
    """A JPEG whose last scan is repeated until it has `scans` of them; and that scan."""
    content = encoded(pixels(40, 40), "JPEG", progressive=True)
    assert content.count(b"\xff\xda") == 10
    last = content[content.rindex(b"\xff\xda") : -2]
    return content[:-2] + last * (scans - 10) + b"\xff\xd9", last


def test_a_jpeg_of_too_many_scans_is_rejected_before_it_is_decoded() -> None:
    """Half a megabyte of scans took a minute, at 81 megapixels."""
    assert "100 scans" in reason(progressive(101)[0])
    assert decoded(progressive(100)[0], 8).shape == (8, 8, 3)


def test_scans_outside_the_picture_do_not_count() -> None:
    """Phones append a film to a photo, and a preview is a JPEG inside the tags."""
    content, scan = progressive(10)
    preview = b"\xff\xe3" + (len(scan) * 200 + 2).to_bytes(2, "big") + scan * 200
    np.testing.assert_array_equal(
        decoded(content[:2] + preview + content[2:] + scan * 200, 8), decoded(content, 8)
    )


def test_pillow_knows_every_format_in_the_list() -> None:
    Image.init()
    assert set(PHOTO_FORMATS) <= set(Image.OPEN)


def test_a_damaged_file_is_either_decoded_or_rejected(tmp_path: Path) -> None:
    """500 mutated files of drawn faces; the script takes real photos, and more cases."""
    for index in range(2):
        Image.fromarray(draw_face(0, index, 64)).save(tmp_path / f"{index}.png")
    script = Path(__file__).resolve().parents[2] / "tools" / "fuzz_images.py"
    ended = subprocess.run(
        [sys.executable, script, tmp_path, "--cases", "500", "--seed", "3"],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(script.parents[1]), *sys.path])},
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    counts = dict(line.split() for line in ended.stdout.splitlines()[1:6])
    assert counts.keys() == {"decoded", "rejected", "traceback", "hang", "death"}
    assert int(counts["decoded"]) > 100
    assert int(counts["rejected"]) > 100
    assert int(counts["decoded"]) + int(counts["rejected"]) == 500


def test_decoding_needs_neither_numpy_nor_tensorflow() -> None:
    """A worker that imports numpy takes twice as long to start."""
    code = (
        "import sys; from facegan_tf.config.crop import Crop; from facegan_tf.data import decode, workers; "
        "decode.decode_face(sys.stdin.buffer.read(), 8, Crop()); "
        "sys.exit(str({'numpy', 'tensorflow'} & set(sys.modules)))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], input=encoded(pixels(9, 9), "JPEG"), capture_output=True
    )
    assert ended.stderr.decode().strip() == "set()"


def test_other_warnings_of_pillow_are_silent(recwarn: pytest.WarningsRecorder) -> None:
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\xff\xff\0\0\0\0"
    content = encoded(pixels(8, 8), "JPEG", exif=exif)
    decoded(content, 8)
    assert not recwarn.list
    Image.open(io.BytesIO(content)).getexif()  # outside the block it may warn: the filters are restored


def exif_of_a_camera() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F], exif[0x011A], exif[0x9003] = "Maker", 72.0, "2020:01:01 00:00:00"
    return exif


def test_a_malformed_tag_beside_the_orientation_is_ignored() -> None:
    """Pillow's own function rewrites all tags, and fails on one whose type does not match its value."""
    upright = np.zeros((16, 16, 3), np.uint8)
    upright[:8, :8] = 255
    content = encoded(np.ascontiguousarray(STORED[6](upright)), "PNG", exif=exif_of_a_camera())
    tag = content.index(b"\x01\x1a\x00\x05")  # a resolution, as a fraction
    content = content[: tag + 3] + b"\x02" + content[tag + 4 :]  # as text
    start = content.index(b"eXIf")
    end = start + 4 + int.from_bytes(content[start - 4 : start], "big")
    content = content[:end] + zlib.crc32(content[start:end]).to_bytes(4, "big") + content[end + 4 :]
    np.testing.assert_array_equal(decoded(content, 16), upright)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")  # at writing it
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize(
    "exif", [b"rubbish", b"II", b"II*\0\xff\xff\xff\xff", b"II+\0\x08\0\0\0\x01\0\x12\x01\x05\0\x01\0\0\0"]
)
def test_a_photo_with_damaged_exif_tags_is_used(kind: str, exif: bytes) -> None:
    content = encoded(pixels(8, 8), kind, exif=b"Exif\0\0" + exif)
    np.testing.assert_array_equal(decoded(content, 8), bare_pillow(content, 8))
