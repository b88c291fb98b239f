"""The expressions of `--where`."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facegan_tf.data.attributes.expression import fulfilled
from tests.helpers.refusals import refusal

TABLE = {
    "Smiling": np.array([1, -1, 1, -1]),
    "age": np.array([10.0, 20.0, np.nan, 40.0]),
    "5_o_Clock_Shadow": np.array([1, 1, -1, -1]),
    "split": np.array(["train", "test", None, "train"], object),
    "a name": np.array([True, False, True, False]),
}


@pytest.mark.parametrize(
    ("expression", "rows"),
    [
        ("Smiling == 1", [0, 2]),
        ("Smiling == 1 and 5_o_Clock_Shadow == -1", [2]),
        ("not (Smiling == 1 or age < 30)", [3]),
        ("Smiling == 1 or Smiling == -1 and age > 30", [0, 2, 3]),  # `and` binds more tightly
        ("age != 10", [1, 2, 3]),
        ("10<=age and age<=2e1", [0, 1]),
        ("split == 'train'", [0, 3]),
        ('split in ("test", "x")', [1]),
        ("age in (10, 40)", [0, 3]),
        ("`a name` == 1", [0, 2]),
        ("true", [0, 1, 2, 3]),
        ("not true", []),
        ("Smiling == Smiling", [0, 1, 2, 3]),
    ],
)
def test_what_an_expression_chooses(expression: str, rows: list[int]) -> None:
    assert np.flatnonzero(fulfilled(expression, TABLE, 4)).tolist() == rows


@pytest.mark.parametrize(
    ("expression", "fact"),
    [
        ("", "a value must come before its end"),
        ("Smiling", "must come before its end"),
        ("Smiling = 1", "can't be read at"),
        ("Smiling == 1 and", "a value must come before its end"),
        ("(Smiling == 1", ") must come before its end"),
        ("Smiling == 1)", ") is not expected"),
        ("smiling == 1", "there is no attribute smiling; there are Smiling, age"),
        ("split == 1", "text and a number can't be compared"),
        ("split < 'z'", "text can't be compared with <"),
        ("__import__('os').system('true')", "can't be read at .system"),
        ("Smiling.__class__ == 1", "no attribute Smiling.__class__"),
        ("(" * 10_000, "can't be read"),
        ("(" * 900, "too many brackets"),
        ("not " * 900 + "true", "too many brackets or nots"),
        ("1 == 1 " + "or 1 == 1 " * 1000, "can't be read"),
    ],
)
def test_what_can_not_be_read_is_refused_with_its_place(expression: str, fact: str) -> None:
    with refusal("where", fact):
        fulfilled(expression, TABLE, 4)


COMPARISON = st.builds(
    "{} {} {}".format,
    st.sampled_from(["x", "y"]),
    st.sampled_from(["==", "!=", "<", "<=", ">", ">="]),
    st.integers(-2, 2),
)
EXPRESSION = st.recursive(
    COMPARISON,
    lambda inner: st.one_of(
        st.builds("({})".format, inner),
        st.builds("not {}".format, inner),
        st.builds("{} and {}".format, inner, inner),
        st.builds("{} or {}".format, inner, inner),
    ),
    max_leaves=8,
)


@given(EXPRESSION)
def test_expressions_mean_what_they_mean_in_python(expression: str) -> None:
    x, y = np.meshgrid(np.arange(-3, 4), np.arange(-3, 4))
    rows = list(zip(x.ravel().tolist(), y.ravel().tolist(), strict=True))
    expected = [bool(eval(expression, {}, {"x": a, "y": b})) for a, b in rows]
    assert fulfilled(expression, {"x": x.ravel(), "y": y.ravel()}, 49).tolist() == expected


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused(expression: str) -> None:
    try:
        assert fulfilled(expression, TABLE, 4).shape == (4,)
    except Exception as error:
        assert getattr(error, "name", None) == "where"
