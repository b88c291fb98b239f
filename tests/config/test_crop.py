import pytest
from hypothesis import given
from hypothesis import strategies as st

from facegan_tf.config.crop import Crop, parse_crop


@pytest.mark.parametrize(
    "text", ["square", "center:1", "center:128", "box:0,20,178,198", "box:61,61,189,189"]
)
def test_a_crop_prints_the_text_that_it_was_parsed_from(text: str) -> None:
    assert str(parse_crop(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "Square",
            "center",
            "center:",
            "center:0",
            "center:-4",
            "center:1.5",
            "box:1,2,3",
            "box:5,5,5,5",
        ),
        *("box:9,9,4,4", "box:-1,0,4,5", "box:0,0,4,4,", "centre:4", "square ", "center:١٢"),
    ],
)
def test_an_invalid_crop_is_refused_with_the_valid_forms(text: str) -> None:
    with pytest.raises(ValueError, match="square, center:N or box:"):
        parse_crop(text)


def test_a_box_that_is_not_square_is_refused_with_both_sides() -> None:
    with pytest.raises(ValueError, match=r"178.*218"):
        parse_crop("box:0,0,178,218")


@pytest.mark.parametrize(
    ("crop", "width", "height", "box"),
    [
        ("square", 178, 218, (0, 20, 178, 198)),  # CelebA
        ("square", 89, 109, (0, 10, 89, 99)),
        ("square", 5, 2, (1, 0, 3, 2)),  # the odd pixel is on the right
        ("square", 7, 7, (0, 0, 7, 7)),
        ("center:128", 250, 250, (61, 61, 189, 189)),
        ("center:4", 7, 4, (1, 0, 5, 4)),
        ("box:1,2,4,5", 4, 5, (1, 2, 4, 5)),
    ],
)
def test_the_box_of_a_crop(crop: str, width: int, height: int, box: tuple[int, ...]) -> None:
    assert parse_crop(crop).box_in(width, height) == box


@given(st.integers(1, 500), st.integers(1, 500))
def test_the_square_is_the_largest_and_centred_to_half_a_pixel(width: int, height: int) -> None:
    left, top, right, bottom = Crop().box_in(width, height)
    assert right - left == bottom - top == min(width, height)
    assert 0 <= (width - right) - left <= 1
    assert 0 <= (height - bottom) - top <= 1
