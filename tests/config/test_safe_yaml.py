import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from facegan_tf.config.safe_yaml import MAX_DEPTH, MAX_VALUES, NotPlainYaml, Written, dump_yaml, parse_yaml

SCALARS = st.none() | st.booleans() | st.integers(-(2**63) + 1, 2**63 - 1) | st.floats(allow_nan=False)
WORDS = st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), max_size=20)
VALUES = st.recursive(
    SCALARS | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=20,
)


def problems_of(text: str) -> list[tuple[int, str]]:
    with pytest.raises(NotPlainYaml) as caught:
        parse_yaml(text)
    return list(caught.value.problems)


@given(value=VALUES, flow=st.booleans())
def test_plain_values_are_read_as_yaml_has_them(value, flow):
    assert parse_yaml(yaml.safe_dump(value, default_flow_style=flow)).plain() == value


@given(settings=st.dictionaries(WORDS, VALUES, max_size=4))
@example({"name": "1e5"})
@example({"1e5": "2026-01-31"})
@example({"name": "5", "x": "null", "=": "<<"})
def test_what_is_written_is_read_as_the_same(settings):
    assert parse_yaml(dump_yaml(settings)).plain() == settings


def test_each_value_knows_the_line_of_its_key_or_of_itself_in_a_list():
    text = "a: 1\nb:\n  c: [1,\n    2]\n  d:\n    e\nf: {g: 3}\n"
    root = parse_yaml(text)
    assert root.content["a"] == Written(1, 1)
    assert root.content["b"].line == 2
    assert root.content["b"].content["c"] == Written([Written(1, 3), Written(2, 4)], 3)
    assert root.content["b"].content["d"] == Written("e", 5)
    assert root.content["f"].content["g"] == Written(3, 7)


def test_an_alias_has_the_lines_of_its_anchor_and_is_a_copy():
    root = parse_yaml("a: &x\n  b: 1\nc: *x\n")
    assert root.content["c"] == Written({"b": Written(1, 2)}, 3)
    assert root.content["c"].content["b"] is not root.content["a"].content["b"]


def test_merged_blocks_give_way_to_what_is_written_and_the_first_of_them_wins():
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
def test_what_is_plain_here(text, value):
    assert parse_yaml(text).plain() == value


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, "a: is given twice, in lines 1 and 3; keep one"),
        ("a:\n  b: {c: 1, c: 2}\n", 2, "a.b.c: is given twice; keep one"),
        ("a: 1\n'a': 2\n", 2, "a: is given twice, in lines 1 and 2; keep one"),
        ("a: &a {}\nb:\n  <<: *a\n  <<: *a\n", 4, "b.<<: is given twice, in lines 3 and 4; keep one"),
        ("a: 1\nb: &b [*b]\n", 2, "b[0]: an alias stands for the block that it is in"),
        ("a: &a\n  <<: *a\n", 2, "a: an alias stands for the block that it is in"),
        ("a: &a {}\nb:\n  <<: 5\n", 3, "b: << must be given a block, or a list of blocks"),
        ("a: 1\nb: *c\n", 2, "is no YAML: found undefined alias 'c'"),
        (
            "a: 1\nb: !!python/object/apply:os.system [ls]\n",
            2,
            "b: the tag !!python/object/apply:os.system is not taken here; leave it out",
        ),
        ("a: !mine {b: 1}", 1, "a: the tag !mine is not taken here; leave it out"),
        ("a: !!binary YQ==", 1, "a: the tag !!binary is not taken here; leave it out"),
        ("a: !!set {b, c}", 1, "a: the tag !!set is not taken here; leave it out"),
        ("a: !!seq {b: c}", 1, "a: the tag !!seq is not taken here; leave it out"),
        ("!!binary YQ==: 1", 1, "YQ==: the tag !!binary is not taken here; leave it out"),
        ("a: !!int many", 1, "a: 'many': can't be read as a whole number of 64 bits"),
        ("a: !!int ''", 1, "a: '': can't be read as a whole number of 64 bits"),
        ("a: !!bool 5", 1, "a: '5': can't be read as true or false"),
        ("a: 0b_", 1, "a: '0b_': can't be read as a whole number of 64 bits"),
        ("a: 9223372036854775808", 1, "a: '9223372036854775808': can't be read as a whole number of 64 bits"),
        ("b: 1\n? [a]\n: 1\n", 2, "a key must be a word, not a block or a list"),
        ("b:\n  {a: 1}: 2\n", 2, "b: a key must be a word, not a block or a list"),
        ("a:\n\tb: 1", 2, "indent with spaces, not with tabs"),
        ("a: [1\n", 2, "is no YAML: expected ',' or ']', but got '<stream end>'"),
        ("a: 1\n---\nb: 1\n", 2, "expected a single document in the stream but found another document"),
        ("a: 1\nb: \0", 2, "the character U+0000 is not allowed in YAML"),
        ('a: "\\0"', 1, "a: '\\x00': has a line break or another character that can't be seen; take it out"),
        ('a: "\\ud800"', 1, "a: '\\ud800': has a line break or another"),
        ("a: |\n  b\n", 1, "a: 'b\\n': has a line break or another"),
        ('a: 1\nb: "\\UFFFFFFFF"', 2, "has an escape or a version that is out of range"),
        ("%YAML " + "9" * 5000 + ".1\n---\na: 1", 1, "has an escape or a version that is out of range"),
    ],
)
def test_what_is_not_plain_is_refused_with_its_line(text, line, says):
    [(found, what)] = problems_of(text)
    assert found == line
    assert says in what
    assert "\n" not in what and len(what) < 250


@pytest.mark.parametrize("digits", ["9" * 10_000, "0x" + "f" * 50_000, "1" + ":59" * 15_000, "9" * 400])
def test_an_endless_number_is_refused_in_a_short_line(digits):
    [(line, what)] = problems_of(f"\na: {digits}")
    assert line == 2
    assert what.startswith("a: '") and what.endswith("can't be read as a whole number of 64 bits")
    assert len(what) < 120


def test_all_that_is_not_plain_is_told_in_the_order_of_its_lines():
    assert [line for line, _ in problems_of("a: 1\na: 2\nb: !c 1\nd:\n  e: 1\n  e: 2\n")] == [2, 3, 6]


def laughs(levels: int) -> str:
    """Each level has nine of the one before."""
    lines = ["a0: &a0 lol"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, levels)]
    return "\n".join(lines)


def test_aliases_may_unfold_to_a_bounded_number_of_values():
    assert len(parse_yaml(laughs(4)).plain()["a3"]) == 9
    [(line, what)] = problems_of(laughs(10))
    assert line == 1  # where the word stands of which there are too many
    assert f"here are {MAX_VALUES:,} values already, aliases unfolded, too many for settings" in what


def test_merged_blocks_are_counted_too():
    lines = ["a0: &a0 {x: 1}"]
    lines += [f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}" for n in range(1, 12)]
    assert f"here are {MAX_VALUES:,} values already" in problems_of("\n".join(lines))[0][1]


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
    assert f"blocks and lists are nested more than {MAX_DEPTH} deep" in problems_of(text)[0][1]


def test_nesting_up_to_the_limit_is_taken():
    depth = MAX_DEPTH - 1  # and the value within
    assert parse_yaml("[" * depth + "1" + "]" * depth).plain() == yaml.safe_load(
        "[" * depth + "1" + "]" * depth
    )
