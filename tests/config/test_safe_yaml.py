import re

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from facegan_tf.config.safe_yaml import (
    MAX_DEPTH,
    MAX_VALUES,
    UnreadableYaml,
    Written,
    YamlProblem,
    dotted,
    dump_yaml,
    parse_yaml,
)

SCALARS = st.none() | st.booleans() | st.integers(-(2**63) + 1, 2**63 - 1) | st.floats(allow_nan=False)
WORDS = st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), max_size=20)
# PyYAML reads 1e5 as text, and so writes it without quotes; here it is a number.
WORDS_FOR_PYYAML = WORDS.filter(lambda word: not re.fullmatch(r"[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+", word))


def values(words: st.SearchStrategy[str]) -> st.SearchStrategy:
    return st.recursive(
        SCALARS | words,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4),
        max_leaves=20,
    )


def problems_of(text: str) -> list[YamlProblem]:
    with pytest.raises(UnreadableYaml) as caught:
        parse_yaml(text)
    return list(caught.value.problems)


@settings(deadline=None)  # the machine may be busy
@given(value=values(WORDS_FOR_PYYAML), flow=st.booleans())
def test_plain_values_are_read_as_pyyaml_reads_them(value, flow):
    assert parse_yaml(yaml.safe_dump(value, default_flow_style=flow)).plain() == value


@settings(deadline=None)  # the machine may be busy
@given(settings=st.dictionaries(WORDS, values(WORDS), max_size=4))
@example({"name": "1e5"})
@example({"1e5": "2026-01-31"})
@example({"name": "5", "x": "null", "=": "<<"})
def test_dumped_settings_are_read_back_unchanged(settings):
    assert parse_yaml(dump_yaml(settings)).plain() == settings


def test_a_value_has_the_line_of_its_key_or_its_own_line_in_a_list():
    text = "a: 1\nb:\n  c: [1,\n    2]\n  d:\n    e\nf: {g: 3}\n"
    root = parse_yaml(text)
    assert root.content["a"] == Written(1, 1)
    assert root.content["b"].line == 2
    assert root.content["b"].content["c"] == Written([Written(1, 3), Written(2, 4)], 3)
    assert root.content["b"].content["d"] == Written("e", 5)
    assert root.content["f"].content["g"] == Written(3, 7)


def test_an_alias_is_a_copy_with_the_lines_of_its_anchor():
    root = parse_yaml("a: &x\n  b: 1\nc: *x\n")
    assert root.content["c"] == Written({"b": Written(1, 2)}, 3)
    assert root.content["c"].content["b"] is not root.content["a"].content["b"]


def test_written_keys_win_over_merged_blocks_and_the_first_block_over_the_others():
    text = "a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc:\n  z: 3\n  <<: [*a, *b]\n"
    assert parse_yaml(text).plain()["c"] == yaml.safe_load(text)["c"] == {"x": 1, "y": 1, "z": 3}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("# only words", None),
        ("1e-4", 1e-4),
        ("-2E+3", -2000.0),
        ("2026-01-31", "2026-01-31"),
        ("2026-13-41", "2026-13-41"),
        ("=", "="),
        ("!!str 5", "5"),
        ("\ufeffa: 1", {"a": 1}),
        ("{1: x, null: y, yes: z, '': w}", {"1": "x", "null": "y", "yes": "z", "": "w"}),
    ],
)
def test_where_plain_yaml_differs_from_yaml_1_1(text, value):
    assert parse_yaml(text).plain() == value


@pytest.mark.parametrize(
    ("text", "line", "path", "fact"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, "a", "is given twice, on lines 1 and 3"),
        ("a:\n  b: {c: 1, c: 2}\n", 2, "a.b.c", "is given twice;"),
        ("a: 1\n'a': 2\n", 2, "a", "is given twice"),
        ("a: &a {}\nb:\n  <<: *a\n  <<: *a\n", 4, "b.<<", "is given twice"),
        ("a: 1\nb: &b [*b]\n", 2, "b[0]", "alias refers to the block that contains it"),
        ("a: &a\n  <<: *a\n", 2, "a", "alias refers to the block that contains it"),
        ("a: &a {}\nb:\n  <<: 5\n", 3, "b", "<<"),
        ("a: 1\nb: *c\n", 2, "", "undefined alias 'c'"),
        ("a: 1\nb: !!python/object/apply:os.system [ls]\n", 2, "b", "!!python/object/apply:os.system"),
        ("a: !mine {b: 1}", 1, "a", "the tag !mine"),
        ("a: !!binary YQ==", 1, "a", "the tag !!binary"),
        ("a: !!set {b, c}", 1, "a", "the tag !!set"),
        ("a: !!seq {b: c}", 1, "a", "the tag !!seq"),
        ("!!binary YQ==: 1", 1, "YQ==", "the tag !!binary"),
        ("b: 1\n? [a]\n: 1\n", 2, "", "a key must be a word"),
        ("b:\n  {a: 1}: 2\n", 2, "b", "a key must be a word"),
        ("a:\n\tb: 1", 2, "", "indent with spaces"),
        ("a: [1\n", 2, "", "expected ',' or ']', but got '<stream end>'"),
        ("a: 1\n---\nb: 1\n", 2, "", "another document"),
        ("a: 1\nb: \0", 2, "", "U+0000"),
        ('a: 1\nb: "\\UFFFFFFFF"', 2, "", "out of range"),
        ("%YAML " + "9" * 5000 + ".1\n---\na: 1", 1, "", "out of range"),
    ],
)
def test_a_text_that_is_not_plain_yaml_is_refused_with_its_line(text, line, path, fact):
    [found] = problems_of(text)
    assert (found.line, dotted(found.path), found.value) == (line, path, None)
    assert fact in found.problem
    assert "\n" not in found.problem and len(found.problem) < 250


@pytest.mark.parametrize(
    ("text", "value", "fact"),
    [
        ("!!int many", "many", "a whole number of 64 bits"),
        ("!!int ''", "", "a whole number of 64 bits"),
        ("!!bool 5", "5", "true or false"),
        ("0b_", "0b_", "a whole number of 64 bits"),
        ("9223372036854775808", "9223372036854775808", "a whole number of 64 bits"),
        ('"\\0"', "\0", "invisible character"),
        ('"\\ud800"', "\ud800", "invisible character"),
        ("|\n  b\n", "b\n", "line break"),
    ],
)
def test_an_unreadable_value_is_refused_with_its_setting(text, value, fact):
    [found] = problems_of(f"b: 1\na: {text}")
    assert (found.line, found.path, found.value) == (2, ("a",), value)
    assert fact in found.problem


@pytest.mark.parametrize("digits", ["9" * 10_000, "0x" + "f" * 50_000, "1" + ":59" * 15_000, "9" * 400])
def test_a_huge_number_is_refused(digits):
    [found] = problems_of(f"\na: {digits}")
    assert (found.line, found.path, found.value) == (2, ("a",), digits)
    assert "64 bits" in found.problem


def test_all_problems_are_listed_in_the_order_of_their_lines():
    assert [found.line for found in problems_of("a: 1\na: 2\nb: !c 1\nd:\n  e: 1\n  e: 2\n")] == [2, 3, 6]


def laughs(levels: int) -> str:
    """Each level has nine aliases of the one before."""
    lines = ["a0: &a0 lol"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, levels)]
    return "\n".join(lines)


def test_the_number_of_values_that_aliases_expand_to_is_bounded():
    assert len(parse_yaml(laughs(4)).plain()["a3"]) == 9
    [found] = problems_of(laughs(10))
    assert found.line == 1  # the line of the value that is repeated too often
    assert f"{MAX_VALUES:,} values" in found.problem


def test_values_in_merged_blocks_are_counted_too():
    lines = ["a0: &a0 {x: 1}"]
    lines += [f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}" for n in range(1, 12)]
    assert f"{MAX_VALUES:,} values" in problems_of("\n".join(lines))[0].problem


@pytest.mark.parametrize(
    "text",
    [
        "[" * 60_000,
        "{a: " * 15_000,
        "- " * 30_000,
        "? " * 30_000,
        "\n".join(f"a{n}: &a{n} [{f'*a{n - 1}' if n else 1}]" for n in range(2000)),
    ],
    ids=["lists", "blocks", "items", "keys", "aliases"],
)
def test_deep_nesting_is_refused(text):
    assert f"more than {MAX_DEPTH} deep" in problems_of(text)[0].problem


def test_nesting_up_to_the_limit_is_read():
    depth = MAX_DEPTH - 1  # the value inside is one more
    assert parse_yaml("[" * depth + "1" + "]" * depth).plain() == yaml.safe_load(
        "[" * depth + "1" + "]" * depth
    )
