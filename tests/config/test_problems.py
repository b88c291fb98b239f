"""Each kind of problem of a config: its place, setting, value and words."""

from pathlib import Path

import pytest

from facegan_tf import cli
from facegan_tf.config.errors import ConfigError
from facegan_tf.config.load import load_config

TINY = """\
name: tiny
data:
  source: synthetic:24
  size: 32
networks:
  family: dcgan
  generator:
    stem: dense
    channels: [6, 4]
  discriminator:
    channels:
      - 4
      - 6
    head: dense
optimizers:
  discriminator: &adam
    name: adam
    learning_rate: 1e-3
  generator: *adam
training:
  steps: 6
  batch_size: 4
evaluation:
  best_by: swd
"""


LEARNING_RATE = "optimizers.discriminator.learning_rate"
CHANNELS = "networks.generator.channels"


def error_of(tmp_path: Path, text: str, *overrides: str) -> ConfigError:
    path = tmp_path / "c.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_config(path, overrides)
    return caught.value


def lines_of(tmp_path: Path, text: str, *overrides: str) -> list[str]:
    """The lines of the error, without the name of the file at their start."""
    lines = str(error_of(tmp_path, text, *overrides)).split("\n")
    return [line.removeprefix(f"{tmp_path / 'c.yaml'}: ") for line in lines]


def test_the_example_is_valid(tmp_path):
    (tmp_path / "c.yaml").write_text(TINY)
    assert load_config(tmp_path / "c.yaml").optimizers.generator.learning_rate == 1e-3


# What replaces what in the example; then the line, the setting and the value of the problem.
WRONG = [
    ("size: 32", "size: 7", 4, "data.size", 7),
    ("size: 32", "size: 1025", 4, "data.size", 1025),
    ("size: 32", "size: '32'", 4, "data.size", "32"),
    ("size: 32", "size: 32.5", 4, "data.size", 32.5),
    ("size: 32", "size: yes", 4, "data.size", True),
    ("size: 32", "size: null", 4, "data.size", None),
    ("size: 32", "size: [32]", 4, "data.size", [32]),
    ("size: 32", "size: {a: 32}", 4, "data.size", {"a": 32}),
    ("size: 32", "size: 2026-01-31", 4, "data.size", "2026-01-31"),
    ("source: synthetic:24", "source: ''", 3, "data.source", ""),
    ("name: tiny", "name: 5", 1, "name", 5),
    ("name: tiny", "name: [a]", 1, "name", ["a"]),
    ("name: tiny", "name: a/b", 1, "name", "a/b"),
    ("name: tiny", f"name: {'a' * 200}", 1, "name", "a" * 200),
    ("  size: 32\n", "", 2, "data.size", None),
    ("  size: 32\n", "  size: 32\n  flip: 1\n", 5, "data.flip", 1),
    ("data:\n", "data: 5\ndatum:\n", 2, "data", 5),
    ("1e-3", "1e400", 18, LEARNING_RATE, float("inf")),
    ("1e-3", "fast", 18, LEARNING_RATE, "fast"),
    ("1e-3", "0", 18, LEARNING_RATE, 0),
    ("stem: dense", "stem: round", 8, "networks.generator.stem", "round"),
    ("[6, 4]", "6", 9, CHANNELS, 6),
    ("[6, 4]", "[]", 9, CHANNELS, []),
    ("[6, 4]", f"{[4] * 11}", 9, CHANNELS, [4] * 11),
    ("      - 6", "      - 0", 13, "networks.discriminator.channels[1]", 0),
    ("      - 6", "      - yes", 13, "networks.discriminator.channels[1]", True),
    ("name: adam", "name: adm", 17, "optimizers.discriminator.name", "adm"),
    ("    name: adam\n", "", 16, "optimizers.discriminator.name", None),
    ("family: dcgan", "family: [dcgan]", 6, "networks.family", ["dcgan"]),
    ("steps: 6", "stps: 6", 21, "training.stps", 6),
    ("  best_by: swd", "  1: 1", 24, "evaluation.1", 1),
    ("  best_by: swd", "  '': 1", 24, "evaluation.''", 1),
    ("  best_by: swd", '  "a\\nb": 1', 24, "evaluation.a\\nb", 1),
    ("size: 32", "size: 30", 4, "data.size", 30),
    ("  steps: 6\n", "  images: 5\n  epochs: 6\n", 22, "training", None),
    ("  steps: 6\n", "", 20, "training", None),
    ("steps: 6", "steps: 6\n  steps: 7", 22, "training.steps", None),
    ("steps: 6", "steps: !!python/name:os.x", 21, "training.steps", None),
    ("steps: 6", "steps: !!int six", 21, "training.steps", "six"),
    ("steps: 6", "steps: [6", 22, None, None),
]


@pytest.mark.parametrize(("old", "new", "line", "name", "value"), WRONG)
def test_a_problem_has_its_place_setting_and_value(tmp_path, old, new, line, name, value):
    assert TINY.count(old) == 1
    problems = error_of(tmp_path, TINY.replace(old, new)).problems
    found = [(each.place, each.name, each.value) for each in problems]
    assert (f"{tmp_path / 'c.yaml'}: line {line}", name, value) in found


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("size: 32", "size: 7", "line 4: data.size: 7: must be at least 8"),
        ("size: 32", "size: 1025", "line 4: data.size: 1025: must be at most 1024"),
        ("size: 32", "size: '32'", "line 4: data.size: '32': must be a whole number; remove the quotes"),
        ("size: 32", "size: yes", "line 4: data.size: true: must be a whole number"),
        ("size: 32", "size: null", "line 4: data.size: null: must be a whole number"),
        ("source: synthetic:24", "source: ''", "line 3: data.source: '': must not be empty"),
        ("name: tiny", "name: 5", "line 1: name: 5: must be text; put it in quotes"),
        (
            "name: tiny",
            f"name: {'a' * 200}",
            f"line 1: name: '{'a' * 27}...{'a' * 28}': must have at most 100 characters",
        ),
        ("  size: 32\n", "", "line 2: data.size: must be given"),
        ("  size: 32\n", "  size: 32\n  flip: 1\n", "line 5: data.flip: 1: must be true or false"),
        ("1e-3", ".nan", f"line 18: {LEARNING_RATE}: nan: must be a finite number"),
        ("1e-3", "fast", f"line 18: {LEARNING_RATE}: 'fast': must be a number"),
        ("1e-3", "0", f"line 18: {LEARNING_RATE}: 0: must be above 0"),
        (
            "stem: dense",
            "stem: round",
            "line 8: networks.generator.stem: 'round': must be 'dense' or 'deconv'",
        ),
        ("[6, 4]", "6", f"line 9: {CHANNELS}: 6: must be a list, such as [128, 64]"),
        ("[6, 4]", "[]", f"line 9: {CHANNELS}: []: must have at least 1 in the list"),
        (
            "[6, 4]",
            f"{[4] * 11}",
            f"line 9: {CHANNELS}: [4, 4, 4, 4, 4, 4, ...]: must have at most 10 in the list, not 11",
        ),
        (
            "name: adam",
            "name: adm",
            "line 17: optimizers.discriminator.name: 'adm': must be one of rmsprop, adam, sgd; "
            "did you mean adam?",
        ),
        (
            "size: 32",
            "size: 30",
            "line 4: data.size: 30: does not fit networks.generator.channels, whose 2 entries mean 2 "
            "halvings: the smallest map would be 7.5 pixels wide; use a multiple of 4, or change the "
            "channels",
        ),
        (
            "  steps: 6\n",
            "  images: 5\n  epochs: 6\n",
            "line 22: training: must have exactly one of steps, epochs, images; it has epochs: 6, images: 5",
        ),
        (
            "steps: 6",
            "steps: 6\n  steps: 7",
            "line 22: training.steps: is given twice, on lines 21 and 22; keep one",
        ),
    ],
)
def test_the_words_of_each_kind_of_problem(tmp_path, old, new, expected):
    assert expected in lines_of(tmp_path, TINY.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new", "setting", "meant"),
    [
        ("steps: 6", "stps: 6", "training.stps", "steps"),
        ("stem: dense", "stm: dense", "networks.generator.stm", "stem"),
        ("learning_rate: 1e-3", "learning_rat: 1e-3", LEARNING_RATE[:-1], "learning_rate"),
        ("name: tiny", "batch_size: 4", "batch_size", "training.batch_size"),
        ("name: tiny", "batch_sise: 4", "batch_sise", "training.batch_size"),
        (
            "name: tiny",
            "learning_rate: 4",
            "learning_rate",
            "optimizers.discriminator.learning_rate or optimizers.generator.learning_rate",
        ),
    ],
)
def test_an_unknown_setting_gets_a_suggestion(tmp_path, old, new, setting, meant):
    problems = error_of(tmp_path, TINY.replace(old, new)).problems
    assert (setting, f"no such setting; did you mean {meant}?") in [(p.name, p.problem) for p in problems]


@pytest.mark.parametrize(
    ("old", "new", "facts"),
    [
        (
            "learning_rate: 1e-3",
            "learning_rate: 1e-3\n    rho: 0.9",
            ("only rmsprop has it", "name, beta1, beta2"),
        ),
        ("  generator:\n    stem", "  generator:\n    body_channels: 3\n    stem", ("only deepconv has it",)),
        (
            "  best_by: swd",
            "  zebra: 1",
            ("settings here: every, count, features, feature_weights, range, best_by",),
        ),
    ],
)
def test_an_unknown_setting_is_answered_with_those_that_exist(tmp_path, old, new, facts):
    for problem in error_of(tmp_path, TINY.replace(old, new)).problems:
        assert all(fact in problem.problem for fact in facts)


def test_the_problem_of_an_aliased_block_is_located_in_the_block(tmp_path):
    problems = error_of(tmp_path, TINY.replace("1e-3", "-1")).problems
    assert [each.name for each in problems] == [LEARNING_RATE, "optimizers.generator.learning_rate"]
    assert all(each.place.endswith(": line 18") for each in problems)


def test_wrong_items_do_not_make_a_list_too_short(tmp_path):
    problems = error_of(tmp_path, TINY.replace("[6, 4]", "[a, b]")).problems
    assert [(each.name, each.value) for each in problems] == [
        (f"{CHANNELS}[0]", "a"),
        (f"{CHANNELS}[1]", "b"),
    ]


def test_every_problem_is_listed_with_its_place(tmp_path):
    text = TINY.replace("batch_size: 4", "batch_size: 0").replace("name: tiny", "nme: tiny")
    assert lines_of(tmp_path, text, "data.size=48x", "evaluation.evry=5") == [
        "line 1: name: must be given",
        "--set: data.size: '48x': must be a whole number",
        "line 22: training.batch_size: 0: must be at least 1",
        "--set: evaluation.evry: no such setting; did you mean every?",
        "line 1: nme: no such setting; did you mean name?",
    ]


def test_a_size_from_an_override_that_does_not_fit_is_located_there(tmp_path):
    [problem] = error_of(tmp_path, TINY, "data.size=30").problems
    assert (problem.place, problem.name, problem.value) == ("--set", "data.size", 30)


def test_a_huge_value_is_shortened(tmp_path):
    value = "{a: [" + "xyz, " * 5000 + "]}"
    [line] = lines_of(tmp_path, TINY.replace("steps: 6", f"steps: {value}"))
    assert line.startswith("line 21: training.steps: {'a': ['xyz', ") and len(line) < 200


@pytest.mark.parametrize("command", [["train"], ["train", "--dry-run"], ["info"]])
def test_the_commands_exit_with_2_and_a_line_for_each_problem(tmp_path, capsys, command):
    verb, *flags = command
    path = tmp_path / "c.yaml"
    path.write_text(TINY.replace("batch_size: 4", "batch_size: 0").replace("size: 32", "sise: 32"))
    assert cli.main([verb, str(path), *flags]) == 2
    out, err = capsys.readouterr()
    assert (out, err) == (
        "",
        f"facegan {verb}: {path}: line 2: data.size: must be given\n"
        f"{path}: line 4: data.sise: no such setting; did you mean size?\n"
        f"{path}: line 22: training.batch_size: 0: must be at least 1\n",
    )


@pytest.mark.parametrize("verb", ["train", "info"])
def test_a_damaged_config_of_a_run_is_reported_with_its_line(tmp_path, capsys, verb):
    (tmp_path / "config.yaml").write_text(TINY.replace("steps: 6", "steps: 6\n  steps: 7"))
    assert cli.main([verb, str(tmp_path)]) == 2
    place = f"{tmp_path / 'config.yaml'}: line 22: training.steps: "
    assert capsys.readouterr().err.startswith(f"facegan {verb}: {place}")
