"""Drawn faces are pure in (seed, index), the same at every size, and match their attributes."""

from dataclasses import asdict, replace
from itertools import combinations
from math import radians, sin
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facegan_tf.data.synthetic import attributes as attributes_module
from facegan_tf.data.synthetic.faces import FaceAttributes, draw_attributes, draw_face, face_attributes
from facegan_tf.data.synthetic.hair import HAIRCUTS
from facegan_tf.data.synthetic.scene import Scene

# Red, down the middle of draw_face(0, 0, 16).
GOLDEN = [76, 134, 127, 123, 159, 169, 172, 178, 181, 161, 147, 144, 135, 112, 52, 48]
EYE_LEVEL = -0.10  # in the picture, whose height is -1..1
STYLES = {
    "hair_style": attributes_module.HAIR_STYLES,
    "beard": attributes_module.BEARDS,
    "glasses": attributes_module.GLASSES,
    "neckline": attributes_module.NECKLINES,
}


def plain_face(index: int, **changes: Any) -> FaceAttributes:
    """A random face that looks straight ahead from the middle of the picture, without beard or glasses."""
    plain = {
        "yaw": 0.0,
        "roll": 0.0,
        "scale": 1.0,
        "shift": (0.0, 0.0),
        "gaze": (0.0, 0.0),
        "hair_style": "short",
        "beard": "none",
        "glasses": "none",
        "light_azimuth": 0.0,
        "mouth_opening": 0.0,
    }
    return replace(face_attributes(0, index), **{**plain, **changes})


def head_box(size: int, left: float, right: float, top: float, bottom: float) -> np.ndarray:
    """The pixels [size, size] of a plain face that touch a box given in head units."""
    edges = (np.arange(size + 1) / size) * 2 - 1
    across = (edges[1:] > left) & (edges[:-1] < right)
    down = (edges[1:] - EYE_LEVEL > top) & (edges[:-1] - EYE_LEVEL < bottom)
    return down[:, None] & across[None, :]


def difference(first: FaceAttributes, second: FaceAttributes, size: int = 64) -> np.ndarray:
    """The difference of each pixel, summed over the channels: [size, size]."""
    pictures = (draw_attributes(face, size).astype(int) for face in (first, second))
    return np.abs(np.subtract(*pictures)).sum(-1)


def centre_of(weights: np.ndarray) -> tuple[float, float]:
    """Centre of mass (x, y), each -1..1 across the picture."""
    size = len(weights)
    middle = (np.arange(size) + 0.5) * 2 / size - 1
    return (
        float((weights.sum(0) * middle).sum() / weights.sum()),
        float((weights.sum(1) * middle).sum() / weights.sum()),
    )


def reduced(picture: np.ndarray, factor: int) -> np.ndarray:
    size = len(picture) // factor
    return picture.reshape(size, factor, size, factor, 3).mean((1, 3))


# Pure and reproducible


def test_a_face_is_a_function_of_seed_and_index() -> None:
    face = draw_face(3, 5, 32)
    draw_face(4, 6, 32)
    np.testing.assert_array_equal(draw_face(3, 5, 32), face)


@pytest.mark.parametrize(("seed", "index"), [(3, 6), (4, 5), (5, 3), (3, 5 + 2**32)])
def test_another_seed_or_index_is_another_face(seed: int, index: int) -> None:
    assert np.abs(draw_face(seed, index, 32).astype(int) - draw_face(3, 5, 32)).mean() > 5


def test_pixels_equal_those_of_drawing_version_1() -> None:
    """If this fails, increase DRAWING_VERSION: stored data sets no longer match the code."""
    down_the_middle = draw_face(0, 0, 16)[:, 8, 0].astype(int)
    np.testing.assert_allclose(down_the_middle, GOLDEN, atol=1)


# The same face at every size


@pytest.mark.parametrize("index", range(6))
def test_a_small_picture_is_the_reduced_large_one(index: int) -> None:
    face = face_attributes(1, index)
    error = np.abs(reduced(draw_attributes(face, 128), 4) - draw_attributes(face, 32))
    assert error.max() <= 1.0  # rounding alone


@pytest.mark.parametrize("index", range(6))
def test_a_canvas_of_another_resolution_has_the_same_face(index: int) -> None:
    face = face_attributes(1, index)
    large = reduced(draw_attributes(face, 256), 4)
    # The tolerance is small enough to detect a shift by a third of a pixel.
    moved = replace(face, shift=(face.shift[0] + 0.01, face.shift[1]))
    assert np.abs(large - draw_attributes(face, 64)).mean() < 0.65
    assert np.abs(large - draw_attributes(moved, 64)).mean() > 0.9


@pytest.mark.parametrize("size", [64, 128, 256])
def test_edges_are_antialiased_over_about_a_pixel(size: int) -> None:
    face = plain_face(0)
    black, white = (draw_attributes(replace(face, clothing_colour=(tone,) * 3), size) for tone in (0.0, 1.0))
    covered = (white.astype(float) - black)[:, : size // 4, 1]
    shoulders = covered / covered.max(0)
    on_the_edge = ((shoulders > 0.02) & (shoulders < 0.85)).sum(0)
    assert 0.4 < on_the_edge.mean() < 2.0


@pytest.mark.parametrize("index", range(6))
def test_windows_are_large_enough(index: int, monkeypatch: pytest.MonkeyPatch) -> None:
    face = replace(face_attributes(1, index), yaw=18.0 * (-1) ** index, beard="full", glasses="rectangular")
    windowed = draw_attributes(face, 64).astype(int)
    monkeypatch.setattr(Scene, "cut", lambda scene, rows, columns: scene)
    assert np.abs(draw_attributes(face, 64) - windowed).max() <= 2


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**63), st.integers(0, 2**40), st.integers(8, 80))
def test_every_face_can_be_drawn_and_has_contrast(seed: int, index: int, size: int) -> None:
    picture = draw_face(seed, index, size)
    assert picture.shape == (size, size, 3)
    assert picture.dtype == np.uint8
    middle = picture[size // 4 : -size // 4, size // 4 : -size // 4]
    assert middle.mean(-1).std() > 4
    assert picture.mean(-1).std() > 8


@pytest.mark.parametrize("field", STYLES)
def test_every_style_looks_different(field: str) -> None:
    faces = [plain_face(0, **{field: style}) for style in STYLES[field]]
    pictures = [draw_attributes(face, 32).astype(int) for face in faces]
    for first, second in combinations(pictures, 2):
        assert np.abs(first - second).max() > 10


def test_every_style_is_chosen_sometimes() -> None:
    faces = [face_attributes(0, index) for index in range(400)]
    for field, styles in STYLES.items():
        assert {getattr(face, field) for face in faces} == set(styles)
        assert sum(styles.values()) == pytest.approx(1)
    assert set(HAIRCUTS) == set(STYLES["hair_style"])


def test_colours_are_in_0_to_1() -> None:
    for index in range(200):
        for name, value in asdict(face_attributes(0, index)).items():
            if "colour" in name or name == "background":
                assert np.min(value) >= 0 and np.max(value) <= 1, (index, name)


# The attributes are the ground truth


@pytest.mark.parametrize(
    ("change", "box"),
    [
        ({"gaze": (1.0, 0.0)}, (-0.40, 0.40, -0.09, 0.07)),
        ({"gaze": (0.0, 1.0)}, (-0.40, 0.40, -0.09, 0.07)),
        ({"iris_colour": (0.9, 0.1, 0.1)}, (-0.40, 0.40, -0.09, 0.07)),
        ({"eye_openness": 1.6}, (-0.42, 0.42, -0.18, 0.10)),
        ({"brow_colour": (0.9, 0.1, 0.1)}, (-0.48, 0.48, -0.30, -0.06)),
        ({"lip_colour": (0.1, 0.1, 0.9)}, (-0.26, 0.26, 0.32, 0.60)),
        ({"smile": 2.0}, (-0.26, 0.26, 0.27, 0.62)),
        ({"mouth_opening": 1.0}, (-0.26, 0.26, 0.32, 0.60)),
        ({"beard": "moustache"}, (-0.28, 0.28, 0.28, 0.56)),
        ({"beard": "goatee"}, (-0.35, 0.35, 0.25, 0.85)),
        ({"beard": "stubble"}, (-0.65, 0.65, 0.00, 0.85)),
        ({"beard": "full"}, (-0.65, 0.65, 0.00, 0.85)),
        ({"glasses": "round"}, (-0.65, 0.65, -0.18, 0.20)),
        ({"glasses": "rectangular"}, (-0.65, 0.65, -0.18, 0.20)),
        ({"hair_colour": (0.9, 0.1, 0.9)}, (-0.75, 0.75, -0.90, 0.12)),
        ({"clothing_colour": (0.1, 0.9, 0.1)}, (-1.0, 1.0, 0.78, 1.20)),
    ],
    ids=lambda value: "-".join(map(str, value)) if isinstance(value, dict) else "",
)
def test_an_attribute_changes_the_pixels_of_its_feature_alone(
    change: dict[str, Any], box: tuple[float, float, float, float]
) -> None:
    inside = head_box(64, *box)
    for index in range(4):
        face = plain_face(index)
        changed = difference(face, replace(face, **change))
        assert changed[inside].max() > 24
        assert not changed[~inside].any()


@pytest.mark.parametrize("where", [(-0.15, 0.15, -0.36, -0.26), (-0.34, -0.24, 0.14, 0.24)])
def test_skin_has_about_the_colour_of_the_attribute(where: tuple[float, float, float, float]) -> None:
    ratios = []
    for index in range(20):
        face = plain_face(index, hair_style="bald", blush=0.0)
        drawn = draw_attributes(face, 64)[head_box(64, *where)].mean(0) / 255
        ratios.append(drawn / face.skin_colour)
    np.testing.assert_allclose(ratios, 1.0, atol=0.3)
    np.testing.assert_allclose(np.mean(ratios, 0), 1.0, atol=0.15)


def test_bald_heads_have_no_hair_colour() -> None:
    face = plain_face(0, hair_style="bald")
    assert not difference(face, replace(face, hair_colour=(0.9, 0.1, 0.9))).any()


@pytest.mark.parametrize("gaze", [(1.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (0.0, -1.0)])
def test_both_eyes_follow_the_gaze(gaze: tuple[float, float]) -> None:
    for side in (-1, 1):
        eye = head_box(64, *sorted((side * 0.05, side * 0.45)), -0.1, 0.1)

        def iris(face: FaceAttributes, eye: np.ndarray = eye) -> tuple[float, float]:
            return centre_of(eye * difference(face, replace(face, iris_colour=(1.0, 0.0, 1.0))))

        face = plain_face(0, iris_colour=(0.1, 0.1, 0.1), eye_openness=2.0)
        moved = np.subtract(iris(replace(face, gaze=gaze)), iris(face))
        assert moved @ gaze > 0.008


def test_lids_cover_the_irises() -> None:
    face = plain_face(0, eye_openness=0.3, eye_tilt=0.0)
    changed = difference(face, replace(face, iris_colour=(1.0, 0.0, 1.0)), 128)
    assert changed.any()
    assert not changed[~head_box(128, -0.4, 0.4, -0.03, 0.03)].any()


def test_light_comes_from_its_azimuth() -> None:
    for index in range(4):
        left, right = (head_box(64, side, side + 0.3, -0.2, 0.5) for side in (-0.4, 0.1))
        for azimuth in (-50.0, 50.0):
            picture = draw_attributes(plain_face(index, light_azimuth=azimuth), 64).astype(float)
            brighter = picture[right].mean() / picture[left].mean()
            assert brighter > 1.2 if azimuth > 0 else brighter < 1 / 1.2


# Pose


def irises(face: FaceAttributes) -> tuple[float, float]:
    """Centre (x, y) of the irises, each -1..1 across the picture."""
    looking_ahead = replace(face, gaze=(0.0, 0.0), hair_style="bald", glasses="none")
    return centre_of(difference(looking_ahead, replace(looking_ahead, iris_colour=(1.0, 0.0, 1.0))))


def test_eyes_are_where_aligned_portraits_have_them() -> None:
    for index in range(15):
        across, down = irises(face_attributes(0, index))
        assert 0.40 <= (down + 1) / 2 <= 0.50
        assert 0.38 <= (across + 1) / 2 <= 0.62


@pytest.mark.parametrize("yaw", [-18.0, -6.0, 6.0, 18.0])
def test_yaw_moves_the_features_sideways(yaw: float) -> None:
    for index in range(3):
        face = plain_face(index)
        across, down = irises(replace(face, yaw=yaw))
        assert across == pytest.approx(face.head_width * sin(radians(yaw)), abs=0.04)
        assert down == pytest.approx(irises(face)[1], abs=0.02)


def test_yaw_foreshortens_the_farther_side() -> None:
    face = plain_face(0, iris_colour=(0.1, 0.1, 0.1))
    turned = replace(face, yaw=18.0)
    changed = difference(turned, replace(turned, iris_colour=(1.0, 0.0, 1.0)), 128).sum(0)
    middle = round((irises(turned)[0] + 1) * 64)
    assert changed[:middle].sum() > 1.05 * changed[middle:].sum()


@pytest.mark.parametrize("shift", [(0.05, 0.0), (0.0, 0.05), (-0.05, 0.03)])
def test_shift_moves_the_face(shift: tuple[float, float]) -> None:
    face = plain_face(0)
    moved = np.subtract(irises(replace(face, shift=shift)), irises(face))
    np.testing.assert_allclose(moved, shift, atol=0.006)


def test_roll_turns_the_face_clockwise() -> None:
    face = plain_face(0, roll=6.0)
    eyes = difference(face, replace(face, iris_colour=(1.0, 0.0, 1.0)))
    left, right = eyes.copy(), eyes.copy()
    left[:, 32:] = 0
    right[:, :32] = 0
    slope = np.subtract(centre_of(right), centre_of(left))
    assert slope[1] / slope[0] == pytest.approx(sin(radians(6)), abs=0.03)
    mouth = difference(face, replace(face, lip_colour=(1.0, 0.0, 1.0)))
    assert centre_of(mouth)[0] == pytest.approx(-sin(radians(6)) * face.mouth_height, abs=0.01)


# Wrong arguments


@pytest.mark.parametrize("size", [-1, 0, 7])
def test_a_size_that_is_too_small_is_an_error(size: int) -> None:
    with pytest.raises(ValueError, match="size must be 8 or more"):
        draw_face(0, 0, size)


@pytest.mark.parametrize(("seed", "index"), [(-1, 0), (0, -1)])
def test_a_negative_seed_or_index_is_an_error(seed: int, index: int) -> None:
    with pytest.raises(ValueError, match="must be 0 or more"):
        face_attributes(seed, index)


@pytest.mark.parametrize("field", STYLES)
def test_an_unknown_style_is_an_error(field: str) -> None:
    with pytest.raises(KeyError):
        draw_attributes(replace(face_attributes(0, 0), **{field: "unheard of"}), 16)
