"""`--align`, with the real detector on drawn faces, which it accepts as faces."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from facegan_tf.common.errors import Rejected
from facegan_tf.config.crop import Crop, parse_crop
from facegan_tf.data.align.framing import Aligned
from facegan_tf.data.align.geometry import TEMPLATE
from facegan_tf.data.decode import pillow_warnings
from facegan_tf.data.prepare import prepare
from facegan_tf.data.rejected import read_rejected
from facegan_tf.data.synthetic.faces import draw_face
from tests.helpers.photos import encoded, pixels, write_zip
from tests.helpers.refusals import refusal

pytest.importorskip("mtcnn", reason="needs the extra `align`")


def photo_of(*faces: tuple[int, int, int, float], width: int = 500, height: int = 400) -> bytes:
    """Drawn faces on a grey photo: (number, left, side, angle in degrees) of each."""
    photo = Image.new("RGB", (width, height), (120, 120, 120))
    for number, left, side, angle in faces:
        face = Image.fromarray(draw_face(0, number, side)).rotate(
            angle, Image.Resampling.BICUBIC, expand=True
        )
        mask = Image.new("L", (side, side), 255).rotate(angle, expand=True)
        photo.paste(face, (left, 40), mask)
    return encoded(photo)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("aligned")
    photos = {
        f"{k}.png": photo_of((k, 30 * k, 180 + 12 * k, angle)) for k, angle in enumerate((0, 25, -20, 9))
    }
    photos["empty.png"] = encoded(Image.new("RGB", (300, 300), (90, 120, 150)))
    photos["small.png"] = photo_of((15, 20, 60, 0))
    photos["two.png"] = photo_of((16, 10, 160, 0), (20, 240, 220, 0))
    return prepare(write_zip(folder / "a.zip", photos), folder / "store", 96, align=True, workers=1)


@pytest.mark.slow
def test_faces_are_placed_like_celebas_and_others_are_rejected_with_reasons(store) -> None:
    from facegan_tf.data.align.detect import find_faces

    assert len(store) == 5
    assert {"mtcnn", "tensorflow"} <= store.manifest.versions.keys()
    reasons = dict(read_rejected(store.folder))
    assert reasons["empty.png"] == "no face was found"
    assert reasons["small.png"].startswith("the face is too small: its square has ")
    assert reasons["small.png"].endswith("fewer than 96x96")
    wanted = (TEMPLATE - (0, 20)) / 178 * 96
    for face in store.gather(np.arange(len(store))):
        found = find_faces(Image.fromarray(face), smallest=30)[0].landmarks
        assert np.abs(found[:2] - wanted[:2]).max() < 5  # pixels of 96; turned by 25 degrees they are 12 away


def test_a_contact_sheet_shows_what_happened(store) -> None:
    with Image.open(store.folder / "preview.png") as sheet:
        assert sheet.width > 900 and sheet.height > 300
        assert store.manifest.choices == {"align": True}
        shown = np.asarray(sheet.convert("RGB"))
        for reason in ("no face was found", "the face is too small: its"):
            assert _contains(shown, _text(reason)), f"in red: {reason}"


def _text(words: str) -> np.ndarray:
    """The words as Pillow's own font draws them in red on white, without margins at the sides."""
    image = Image.new("RGB", (200, 12), (255, 255, 255))
    ImageDraw.Draw(image).text((1, 0), words, fill=(176, 0, 0))
    pixels = np.asarray(image)
    ink = np.flatnonzero((pixels < 255).any(axis=(0, 2)))
    return pixels[:, ink[0] : ink[-1] + 1]


def _contains(sheet: np.ndarray, part: np.ndarray) -> bool:
    """Whether the part, whose middle row is not all paper, is somewhere in the sheet."""
    height, width = part.shape[:2]
    middle = height // 2
    for top in range(len(sheet) - height + 1):
        place = sheet[top + middle].tobytes().find(part[middle].tobytes())
        left = place // 3
        if place >= 0 and np.array_equal(sheet[top : top + height, left : left + width], part):
            return True
    return False


def test_one_photo_gives_its_largest_face_or_all_of_them() -> None:
    photo = photo_of((16, 10, 160, 0), (20, 240, 220, 0))
    largest, all_faces = Aligned(64, Crop()), Aligned(64, Crop(), all_faces=True)
    with pillow_warnings():
        (one,) = largest.faces(photo)
        first, second = all_faces.faces(photo)
    assert one.pixels == first.pixels != second.pixels
    alone = Image.open(io.BytesIO(photo)).crop((235, 0, 500, 400))
    with pillow_warnings():
        (expected,) = largest.faces(encoded(alone))
    difference = np.frombuffer(one.pixels, np.uint8).astype(int) - np.frombuffer(expected.pixels, np.uint8)
    assert np.abs(difference).mean() < 12


def test_a_crop_keeps_its_part_of_the_aligned_face() -> None:
    photo = photo_of((16, 10, 300, 0))
    with pillow_warnings():
        (whole,) = Aligned(89, Crop()).faces(photo)  # 178 of CelebA's pixels, so a pixel is two of them
        (part,) = Aligned(45, parse_crop("box:44,64,134,154")).faces(photo)
    middle = np.frombuffer(whole.pixels, np.uint8).reshape(89, 89, 3)[22:67, 22:67].astype(int)
    difference = np.abs(middle - np.frombuffer(part.pixels, np.uint8).reshape(45, 45, 3))
    assert difference.mean() < 1  # half a pixel aside, it would be 3


def test_a_face_at_the_edge_is_mirrored_or_refused() -> None:
    at_edge = photo_of((15, -45, 200, 0), width=300, height=260)
    with pillow_warnings():
        (face,) = Aligned(48, Crop()).faces(at_edge)
        assert len(face.pixels) == 48 * 48 * 3
        with pytest.raises(Rejected, match=r"cut off: \d+% of its square lies outside the photo"):
            Aligned(48, Crop(), mirror=False).faces(at_edge)


def test_a_photo_too_small_to_hold_a_face_is_rejected() -> None:
    with pillow_warnings(), pytest.raises(Rejected, match="no face was found"):
        Aligned(8, Crop()).faces(encoded(pixels(10, 300)))


def test_choices_about_faces_need_align(tmp_path: Path) -> None:
    for name, value in {"faces": "all", "outside": "reject"}.items():
        with refusal(name, "needs `align`", value=value):
            prepare("synthetic:2", tmp_path / "store", 8, **{name: value})
    with refusal("align", "can't be cropped", value=True):
        prepare("synthetic:2", tmp_path / "store", 8, align=True)
    photos = str(write_zip(tmp_path / "a.zip", {"a.png": encoded(pixels(9, 9))}))
    with refusal("crop", "178x218", value="center:200"):
        prepare(photos, tmp_path / "store", 8, "center:200", align=True)
