import pickle
from pathlib import Path

import pytest

from facegan_tf.common.errors import MAX_PROBLEMS, InputError, as_lines, as_yaml, in_short

FLAGS = {"out": "--out", "count": "--count", "source": "SOURCE"}


def error(*parts, place=None):
    error = InputError(*parts)
    error.place = place
    return error


@pytest.mark.parametrize(
    ("error", "in_python", "in_the_shell"),
    [
        (
            error("out", Path("a/b"), "already exists"),
            "out: a/b: already exists",
            "--out a/b: already exists",
        ),
        (error("source", "a", "is empty"), "source: a: is empty", "SOURCE a: is empty"),
        (error("out", None, "must be given"), "out: must be given", "--out: must be given"),
        (
            error("source", "a", "lower `count`, or change `other`"),
            "source: a: lower `count`, or change `other`",
            "SOURCE a: lower --count, or change `other`",
        ),
        (error(None, "a.zip", "is damaged"), "a.zip: is damaged", "a.zip: is damaged"),
        (error("data.flip", True, "is wrong"), "data.flip: true: is wrong", "data.flip: true: is wrong"),
        (error("data.size", 0, "is wrong"), "data.size: 0: is wrong", "data.size: 0: is wrong"),
        (
            error("data.size", 5, "is too small", place="a.yaml: line 3"),
            "a.yaml: line 3: data.size: 5: is too small",
            "a.yaml: line 3: data.size: 5: is too small",
        ),
        (error("count", 5, "is wrong", place="--set"), "--set: count: 5: is wrong", "--count 5: is wrong"),
    ],
)
def test_an_error_names_parameters_in_python_and_flags_in_the_shell(error, in_python, in_the_shell):
    assert str(error) == in_python
    assert error.described(FLAGS) == in_the_shell


def test_a_renamed_error_names_settings():
    before = error("source", "a", "has 3 images; lower `count`")
    after = before.renamed({"source": "data.source", "count": "evaluation.count"})
    assert str(after) == "data.source: a: has 3 images; lower evaluation.count"
    assert str(before) == "source: a: has 3 images; lower `count`"
    assert type(after) is InputError


def test_a_parameter_that_was_renamed_still_becomes_a_flag():
    error = InputError("features", "f", "give `weights`").renamed({"weights": "feature_weights"})
    assert error.described({"feature_weights": "--feature-weights"}) == "features: f: give --feature-weights"


def test_an_error_survives_pickling():
    before = error("out", "a", "is wrong", place="here")
    assert str(pickle.loads(pickle.dumps(before))) == str(before)


def test_the_first_problems_are_listed_and_the_rest_counted():
    assert as_lines([1, 2], str) == "1\n2"
    assert as_lines(range(MAX_PROBLEMS), str).count("\n") == MAX_PROBLEMS - 1
    assert as_lines(range(5000), str).split("\n")[-1] == "and 4,980 more like these"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (None, "null"),
        ("a", "'a'"),
        ([1, None], "[1, null]"),
        (10**99, f"1{'0' * 27}...{'0' * 29}"),
    ],
)
def test_values_are_shown_as_yaml_has_them(value, text):
    assert as_yaml(value) == text


def test_long_and_unprintable_text_is_shortened_and_escaped():
    assert in_short("photos") == "photos"
    assert in_short("a\nb") == "a\\nb"
    assert len(in_short("a" * 5000)) <= 60
