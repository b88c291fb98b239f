"""Seeds and moves as they are written in URLs."""

import pytest

from facegan_tf.common.errors import InputError
from facegan_tf.serving.face import parse_moves, parse_seeds


@pytest.mark.parametrize(
    ("text", "seeds"),
    [
        ("7", [7]),
        ("1-4", [1, 2, 3, 4]),
        ("3, 1,3-5", [3, 1, 3, 4, 5]),
        (f"{2**63 - 2}-{2**63 - 1}", [2**63 - 2, 2**63 - 1]),
    ],
)
def test_lists_of_seeds_hold_numbers_and_ranges(text, seeds):
    assert parse_seeds(text, 10) == seeds


@pytest.mark.parametrize(
    "text",
    [
        "",
        ",",
        "1,",
        "-1",
        "a",
        "1.5",
        "1e3",
        "4-2",
        str(2**63),
        f"0-{2**63}",
        "9" * 30,
        "٣",
        "0-10",
        "1-5,1-6",
    ],
)
def test_other_lists_and_long_ones_are_refused(text):
    with pytest.raises(InputError) as caught:
        parse_seeds(text, 10)
    assert caught.value.name == "seeds" and len(str(caught.value)) < 200


def test_a_range_of_any_length_is_refused_at_once():
    with pytest.raises(InputError, match="more than 400"):
        parse_seeds(f"0-{2**63 - 1}", 400)


def test_moves_name_directions_and_distances():
    assert parse_moves("0:1.5,3:-2") == ((0, 1.5), (3, -2.0))
    assert parse_moves("") == ()


@pytest.mark.parametrize("text", ["0", "0:", ":1", "0:7", "0:-6.1", "0:nan", "0:1e3", "a:1", "0:1,", "-1:1"])
def test_other_moves_are_refused(text):
    with pytest.raises(InputError) as caught:
        parse_moves(text)
    assert caught.value.name == "directions"
