"""Folders and zips of all that users may have: each bad file is listed, and each good one is used."""

import os
import shutil
import struct
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facegan_tf.cli import main
from facegan_tf.data.prepare import prepare
from facegan_tf.data.rejected import read_rejected
from facegan_tf.data.store import FaceStore
from tests.helpers.photos import PEAK_MEMORY, bare_pillow, encoded, pixels, raw_png, write_zip
from tests.helpers.refusals import refusal

SIZE = 64
PHOTO = pixels(90, 70)
PNG = encoded(PHOTO)
NO_IMAGE = "not an image in a supported format"


def face(content: bytes) -> np.ndarray:
    """The face that Pillow alone makes of a file."""
    return bare_pillow(content, SIZE)


def oriented(orientation: int) -> bytes:
    """The photo, stored such that its EXIF orientation turns it upright again."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # the Transpose that stores it so
    image = Image.fromarray(PHOTO)
    stored = image if orientation == 1 else image.transpose(Image.Transpose(undo[orientation]))
    return encoded(stored, exif=exif)


def animated(kind: str) -> bytes:
    first, *others = (Image.fromarray(pixels(70, 70, seed)).quantize(32) for seed in range(40))
    options = {"lossless": True} if kind == "WEBP" else {}
    images = [image.convert("RGB") if kind == "WEBP" else image for image in (first, *others)]
    return encoded(images[0], kind, save_all=True, append_images=images[1:], **options)


def with_chunk(kind: bytes, body: bytes) -> bytes:
    """The PNG with one more chunk after its header."""
    chunk = struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    return PNG[:33] + chunk + PNG[33:]


def on_black(image: Image.Image) -> np.ndarray:
    return face(encoded(Image.alpha_composite(Image.new("RGBA", image.size, "black"), image.convert("RGBA"))))


GREY_ALPHA = Image.merge("LA", [Image.fromarray(PHOTO[..., k]) for k in (0, 1)])
GREY16 = Image.fromarray(PHOTO[..., 0].astype(np.uint16) * 257)
GREY = Image.fromarray(PHOTO[..., 0])
CMYK = encoded(Image.fromarray(PHOTO).convert("CMYK"), "JPEG")
PALETTE = Image.fromarray(PHOTO).quantize(64)

GOOD: dict[str, tuple[bytes, np.ndarray]] = {
    "a photo.png": (PNG, face(PNG)),
    "a photo of the wrong extension.jpg": (PNG, face(PNG)),
    "a photo without extension": (PNG, face(PNG)),
    "日本 é.png": (PNG, face(PNG)),
    "long" * 60 + ".png": (PNG, face(PNG)),
    "1x1.png": (encoded(PHOTO[:1, :1]), np.broadcast_to(PHOTO[0, 0], (SIZE, SIZE, 3))),
    "30000x2.png": (encoded(np.full((2, 30000, 3), 7, np.uint8)), np.full((SIZE, SIZE, 3), 7, np.uint8)),
    "2x30000.jpg": (
        encoded(np.full((30000, 2, 3), 99, np.uint8), "JPEG"),
        np.full((SIZE, SIZE, 3), 99, np.uint8),
    ),
    "cmyk.jpg": (CMYK, face(CMYK)),
    "palette.gif": (encoded(PALETTE, "GIF"), face(encoded(PALETTE))),
    "16-bit.png": (encoded(GREY16), face(encoded(GREY))),
    "grey and alpha.png": (encoded(GREY_ALPHA), on_black(GREY_ALPHA)),
    "animated.gif": (animated("GIF"), face(animated("GIF"))),
    "animated.webp": (animated("WEBP"), face(animated("WEBP"))),
    **{f"orientation {k}.png": (oriented(k), face(PNG)) for k in range(1, 9)},
}
BAD: dict[str, tuple[bytes, str]] = {
    "empty.jpg": (b"", "the file is empty"),
    "text.jpg": (b"I am not a photo\n" * 50, NO_IMAGE),
    "truncated.png": (PNG[:-600], "image file is truncated"),
    "truncated.jpg": (encoded(PHOTO, "JPEG")[:2000], "image file is truncated"),
    "bomb.png": (raw_png(30000, 30000, 1, 0, b"\0" * 30000), "exceeds limit"),
    "text bomb.png": (with_chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(2**24))), "MAX_TEXT_CHUNK"),
    "profile bomb.png": (with_chunk(b"iCCP", b"k\0\0" + zlib.compress(bytes(2**24))), "MAX_TEXT_CHUNK"),
}


def assert_store(out: Path, good: dict[str, np.ndarray], bad: dict[str, str]) -> None:
    """Check that a store has these faces in order of their names, and lists these files with reasons."""
    store = FaceStore.open(out)
    assert len(store) == len(good)
    found = store.gather(np.arange(len(store)))
    for row, name in enumerate(sorted(good)):
        np.testing.assert_array_equal(found[row], good[name], err_msg=name)
    reasons = read_rejected(out)
    assert [name for name, _ in reasons] == sorted(bad)
    for name, reason in reasons:
        assert bad[name] in reason, (name, reason)
        assert reason.isprintable()


def faces(of: dict[str, tuple[bytes, np.ndarray]]) -> dict[str, np.ndarray]:
    return {name: expected for name, (_, expected) in of.items()}


def reasons(of: dict[str, tuple[bytes, str]]) -> dict[str, str]:
    return {name: reason for name, (_, reason) in of.items()}


def command(source: Path, out: Path, *more: object) -> int:
    return main(["prepare", str(source), "--out", str(out), "--size", str(SIZE), *map(str, more)])


@pytest.mark.parametrize("workers", [1, 2])
def test_a_folder_of_everything(tmp_path: Path, workers: int) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name, (content, _) in {**GOOD, **BAD}.items():
        (folder / name).write_bytes(content)
    bad = reasons(BAD)
    (folder / "loop").symlink_to(folder)
    (folder / "loop.jpg").symlink_to("loop.jpg")
    bad["loop.jpg"] = "can't be read: Too many levels of symbolic links"
    os.mkfifo(folder / "pipe.jpg")
    (folder / "zero.jpg").symlink_to("/dev/zero")
    bad |= dict.fromkeys(("pipe.jpg", "zero.jpg"), "can't be read: not a regular file")
    if os.geteuid() != 0:
        (folder / "locked.jpg").write_bytes(PNG)
        (folder / "locked.jpg").chmod(0)
        bad["locked.jpg"] = "can't be read: Permission denied"
    assert command(folder, tmp_path / "store", "--workers", workers) == 0
    assert_store(tmp_path / "store", faces(GOOD), bad)


@pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("setpriv"),
    reason="for root, who may read everything until setpriv takes that away",
)
def test_files_and_folders_without_permission_are_listed(tmp_path: Path) -> None:
    (tmp_path / "photos" / "lost+found").mkdir(parents=True)
    for name in ("fine.png", "locked.png", "lost+found/b.png"):
        (tmp_path / "photos" / name).write_bytes(PNG)
    for name in ("locked.png", "lost+found"):
        (tmp_path / "photos" / name).chmod(0)
    arguments = ["prepare", "photos", "--out", "store", "--size", str(SIZE), "--max-rejected", "1"]
    as_others = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
    subprocess.run(
        [*as_others, sys.executable, "-m", "facegan_tf", *arguments],
        check=True,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    expected = {"locked.png": "can't be read: Permission denied", "lost+found/": "the folder can't be listed"}
    assert_store(tmp_path / "store", {"fine.png": face(PNG)}, expected)


def test_a_zip_of_everything(tmp_path: Path) -> None:
    """Nothing is written outside the store, whatever the names in the zip."""
    odd = {name: (PNG, face(PNG)) for name in ("../../up.png", "/etc/absolute.png", "C:windows.png", "con")}
    odd_names = ("two\nlines.jpg", "\x1b[31mred.jpg", "x" * 9999)
    bad_names = dict.fromkeys(odd_names, (b"", "the file is empty"))
    odd["A PHOTO.PNG"] = (encoded(PHOTO[::-1]), face(encoded(PHOTO[::-1])))  # beside `a photo.png`
    good, bad = {**GOOD, **odd}, {**BAD, **bad_names}
    contents = {name: content for name, (content, _) in {**good, **bad}.items()}
    assert command(write_zip(tmp_path / "photos.zip", contents), tmp_path / "store") == 0
    assert_store(tmp_path / "store", faces(good), reasons(bad))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["photos.zip", "store"]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_members_of_one_name_in_a_zip_are_separate_files(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "twice.zip", "w") as archive:
        for content in (PNG, encoded(PHOTO[::-1]), b"", b"text"):
            archive.writestr("a.png", content)
    assert command(tmp_path / "twice.zip", tmp_path / "store") == 0
    found = FaceStore.open(tmp_path / "store").gather(np.arange(2))
    np.testing.assert_array_equal(found, [face(PNG), face(encoded(PHOTO[::-1]))])
    assert read_rejected(tmp_path / "store") == [("a.png", "the file is empty"), ("a.png", NO_IMAGE)]


@pytest.mark.skipif(not shutil.which("zip"), reason="zip, which encrypts, is not installed")
@pytest.mark.parametrize("fine", [True, False])
def test_an_encrypted_zip(tmp_path: Path, fine: bool, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "locked.png").write_bytes(PNG)
    subprocess.run(["zip", "-q", "-P", "secret", "a.zip", "locked.png"], cwd=tmp_path, check=True)
    if fine:
        with zipfile.ZipFile(tmp_path / "a.zip", "a") as archive:
            archive.writestr("fine.png", PNG)
        assert command(tmp_path / "a.zip", tmp_path / "store") == 0
        assert_store(tmp_path / "store", {"fine.png": face(PNG)}, {"locked.png": "encrypted"})
        return
    assert command(tmp_path / "a.zip", tmp_path / "store") == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert "1 files" in last
    assert "locked.png: can't be read from the zip: it is encrypted" in last
    assert not (tmp_path / "store").exists()


def test_a_zip_truncated_at_any_byte_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its table of contents is at its end."""
    whole = write_zip(tmp_path / "whole.zip", {"a.png": encoded(pixels(3, 3)), "b.png": b""}).read_bytes()
    for length in range(len(whole)):
        (tmp_path / "cut.zip").write_bytes(whole[:length])
        with refusal("source", value=tmp_path / "cut.zip"):
            prepare(tmp_path / "cut.zip", tmp_path / "store", SIZE)
    assert command(tmp_path / "cut.zip", tmp_path / "store") == 2
    assert capsys.readouterr().err.startswith("facegan prepare: ")
    assert not (tmp_path / "store").exists()


def test_damaged_members_are_listed(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", {"bad.png": PNG, "fine.png": PNG})
    content = bytearray(path.read_bytes())
    content[content.index(PNG) + 1000] ^= 1
    path.write_bytes(content)
    assert command(path, tmp_path / "store") == 0
    assert_store(tmp_path / "store", {"fine.png": face(PNG)}, {"bad.png": "Bad CRC-32"})


@pytest.mark.skipif(sys.platform != "linux", reason="reads peak memory where Linux has it")
def test_a_member_that_inflates_to_more_than_it_declares_takes_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("bomb.jpg", "w") as member,
    ):
        for _ in range(300):
            member.write(bytes(2**20))
    content = bytearray(path.read_bytes())
    struct.pack_into("<I", content, content.index(b"PK\1\2") + 24, 1000)  # the size that it declares
    path.write_bytes(content)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("fine.png", PNG)
    code = (
        "import sys; from facegan_tf.cli import main; code = main(sys.argv[1:]); "
        f"print({PEAK_MEMORY}); sys.exit(code)"
    )
    arguments = ["prepare", path, "--out", tmp_path / "store", "--size", str(SIZE), "--workers", "1"]
    ended = subprocess.run([sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, check=True)
    assert int(ended.stdout) < 200e6
    assert_store(tmp_path / "store", {"fine.png": face(PNG)}, {"bomb.jpg": "Bad CRC-32"})


def test_a_member_compressed_with_bzip2_is_rejected(tmp_path: Path) -> None:
    """Two kilobytes of it may become two gigabytes, and zipfile does not inflate it in parts."""
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("bad.png", PNG)
        archive.writestr("fine.png", PNG, zipfile.ZIP_STORED)
    assert command(tmp_path / "a.zip", tmp_path / "store") == 0
    assert_store(tmp_path / "store", {"fine.png": face(PNG)}, {"bad.png": "compressed with bzip2"})
