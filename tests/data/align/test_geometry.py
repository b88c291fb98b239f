"""From landmarks to a square of the photo."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from facegan_tf.data.align.geometry import FRAME, TEMPLATE, Square, cut, square_of
from tests.helpers.photos import pixels

MARKED = [(69, 111), (108, 111), (88, 136), (72, 152), (105, 152)]
"""Rounded means of list_landmarks_align_celeba.txt, as ALAE's script for CelebA states them."""
SQUARE = (0, 20, 178, 198)  # the largest square of CelebA's photos, centred


@given(
    st.floats(-3.2, 3.2),
    st.floats(0.2, 8.0),
    st.floats(-500, 500),
    st.floats(-500, 500),
    st.integers(20, 178),
)
def test_a_face_that_was_turned_scaled_and_shifted_is_found_where_it_was(
    angle: float, scale: float, x: float, y: float, side: int
) -> None:
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    left, top = (FRAME[0] - side) // 2, (FRAME[1] - side) // 2
    square = square_of(TEMPLATE @ turn.T + (x, y), (left, top, left + side, top + side))
    places = (TEMPLATE - (left, top)) / side
    np.testing.assert_allclose(square.at(places), TEMPLATE @ turn.T + (x, y), atol=1e-6)
    assert square.side == pytest.approx(scale * side)


def test_the_template_is_where_people_marked_celebas_landmarks() -> None:
    np.testing.assert_allclose(TEMPLATE, MARKED, atol=1.5)


def test_the_map_is_the_least_squares_similarity() -> None:
    """Compared with the general solution of the normal equations, for eyes and mouth."""
    found = TEMPLATE * 2 + np.random.default_rng(0).normal(0, 5, (5, 2))
    rows, values = [], []
    for (u, v), (x, y) in zip(TEMPLATE[[0, 1, 3, 4]], found[[0, 1, 3, 4]], strict=True):
        rows += [(u, v, 1, 0), (v, -u, 0, 1)]
        values += [x, y]
    a, b, c, d = np.linalg.lstsq(np.array(rows), np.array(values), rcond=None)[0]
    square = square_of(found, (0, 0, 178, 178))
    np.testing.assert_allclose(square, (a * 178, b * 178, c, d), rtol=1e-9)


def test_a_square_that_is_not_turned_is_cut_as_a_crop_is() -> None:
    photo = Image.fromarray(pixels(60, 80))
    for side, size in ((40, 40), (40, 16)):
        made = cut(photo, Square(side, 0.0, 11.0, 7.0), size)
        expected = photo.crop((11, 7, 11 + side, 7 + side)).resize((size, size), Image.Resampling.LANCZOS)
        np.testing.assert_array_equal(np.asarray(made), np.asarray(expected))


def test_a_quarter_turn_turns_the_pixels() -> None:
    photo = Image.fromarray(pixels(50, 50))
    turned = cut(photo, Square(0.0, -32.0, 41.0, 9.0), 32)  # along u the photo goes down, along v to the left
    np.testing.assert_array_equal(np.asarray(turned), np.rot90(np.asarray(photo)[9:41, 9:41], 1))


@settings(max_examples=30, deadline=None)
@given(st.integers(-90, 90), st.integers(-90, 90))
def test_what_lies_outside_is_mirrored_at_the_edge(x: int, y: int) -> None:
    photo = pixels(30, 40)
    made = np.asarray(cut(Image.fromarray(photo), Square(24.0, 0.0, float(x), float(y)), 24))
    wide = np.pad(photo, ((120, 120), (120, 120), (0, 0)), "symmetric")
    np.testing.assert_array_equal(made, wide[120 + y : 144 + y, 120 + x : 144 + x])


def test_fine_patterns_become_grey_and_no_new_pattern() -> None:
    """Stripes of one pixel, made 7.3 times smaller at an angle: a plain affine map leaves 0 and 255."""
    stripes = np.zeros((600, 600, 3), np.uint8)
    stripes[:, ::2] = 255
    angle = np.deg2rad(20)
    a, b = 350 * np.cos(angle), 350 * np.sin(angle)
    made = np.asarray(cut(Image.fromarray(stripes), Square(a, b, 120.0, 200.0), 48)).astype(int)
    assert np.abs(made - 127.5).max() < 6


@given(st.floats(-60, 60), st.floats(-60, 60))
def test_the_share_outside_is_that_of_the_area(x: float, y: float) -> None:
    inside = max(0.0, min(x + 20, 50) - max(x, 0)) * max(0.0, min(y + 20, 40) - max(y, 0)) / 400
    assert Square(20.0, 0.0, x, y).share_outside(50, 40) == pytest.approx(1 - inside, abs=0.04)
