"""Each wrong setting of a whole config, by the exact line that tells it."""

from pathlib import Path

import pytest

from facegan_tf import cli
from facegan_tf.common.errors import InputError
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


def problems_of(tmp_path: Path, text: str, *overrides: str) -> list[str]:
    """The lines of the error, without the file's name at their beginnings."""
    path = tmp_path / "c.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load_config(path, overrides)
    return [line.removeprefix(f"{path}: ") for line in str(caught.value).split("\n")]


def test_the_example_is_right(tmp_path):
    (tmp_path / "c.yaml").write_text(TINY)
    assert load_config(tmp_path / "c.yaml").optimizers.generator.learning_rate == 1e-3


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("size: 32", "size: 7", "line 4: data.size: 7: must be at least 8"),
        ("size: 32", "size: 1025", "line 4: data.size: 1025: must be at most 1024"),
        ("size: 32", "size: '32'", "line 4: data.size: '32': must be a whole number; leave the quotes out"),
        ("size: 32", "size: 32.5", "line 4: data.size: 32.5: must be a whole number"),
        ("size: 32", "size: yes", "line 4: data.size: true: must be a whole number"),
        ("size: 32", "size: null", "line 4: data.size: null: must be a whole number"),
        ("size: 32", "size: [32]", "line 4: data.size: [32]: must be a whole number"),
        ("size: 32", "size: {a: 32}", "line 4: data.size: {'a': 32}: must be a whole number"),
        ("size: 32", "size: 2026-01-31", "line 4: data.size: '2026-01-31': must be a whole number"),
        ("name: tiny", "name: 5", "line 1: name: 5: must be text; put it in quotes"),
        ("name: tiny", "name: [a]", "line 1: name: ['a']: must be text"),
        (
            "name: tiny",
            "name: a/b",
            "line 1: name: 'a/b': must have only letters, digits, '.', '_' and '-', and begin with one "
            "of the first two",
        ),
        (
            "name: tiny",
            f"name: {'a' * 200}",
            f"line 1: name: '{'a' * 27}...{'a' * 28}': must have at most 100 characters",
        ),
        ("  size: 32\n", "", "line 2: data.size: must be given"),
        ("  size: 32\n", "  size: 32\n  flip: 1\n", "line 5: data.flip: 1: must be true or false"),
        ("data:\n", "data: 5\ndatum:\n", "line 2: data: 5: must be a block of settings"),
        ("1e-3", ".nan", "line 18: optimizers.discriminator.learning_rate: nan: must be a finite number"),
        ("1e-3", "1e400", "line 18: optimizers.discriminator.learning_rate: inf: must be a finite number"),
        ("1e-3", "fast", "line 18: optimizers.discriminator.learning_rate: 'fast': must be a number"),
        ("1e-3", "0", "line 18: optimizers.discriminator.learning_rate: 0: must be above 0"),
        (
            "stem: dense",
            "stem: round",
            "line 8: networks.generator.stem: 'round': must be 'dense' or 'deconv'",
        ),
        ("[6, 4]", "6", "line 9: networks.generator.channels: 6: must be a list, such as [128, 64]"),
        ("[6, 4]", "[]", "line 9: networks.generator.channels: []: must have at least 1 in the list"),
        (
            "[6, 4]",
            f"{[4] * 11}",
            "line 9: networks.generator.channels: [4, 4, 4, 4, 4, 4, ...]: must have at most 10 in the list, "
            "not 11",
        ),
        ("      - 6", "      - 0", "line 13: networks.discriminator.channels[1]: 0: must be at least 1"),
        (
            "      - 6",
            "      - yes",
            "line 13: networks.discriminator.channels[1]: true: must be a whole number",
        ),
        (
            "name: adam",
            "name: adm",
            "line 17: optimizers.discriminator.name: 'adm': must be one of rmsprop, adam, sgd; "
            "did you mean adam?",
        ),
        ("    name: adam\n", "", "line 16: optimizers.discriminator.name: must be given"),
        (
            "family: dcgan",
            "family: [dcgan]",
            "line 6: networks.family: ['dcgan']: must be one of dcgan, deepconv; did you mean dcgan?",
        ),
        # Names: in the block, in another kind of it, in other blocks, nowhere.
        ("steps: 6", "stps: 6", "line 21: training.stps: no such setting; did you mean steps?"),
        ("stem: dense", "stm: dense", "line 8: networks.generator.stm: no such setting; did you mean stem?"),
        (
            "learning_rate: 1e-3",
            "learning_rat: 1e-3",
            "line 18: optimizers.discriminator.learning_rat: no such setting; did you mean learning_rate?",
        ),
        (
            "learning_rate: 1e-3",
            "learning_rate: 1e-3\n    rho: 0.9",
            "line 19: optimizers.discriminator.rho: no such setting; only rmsprop has it; known here: "
            "learning_rate, decay, clipvalue, name, beta1, beta2, epsilon",
        ),
        (
            "  generator:\n    stem",
            "  generator:\n    body_channels: 3\n    stem",
            "line 8: networks.generator.body_channels: no such setting; only deepconv has it; known here: "
            "stem, channels, leaky_slope, dropout",
        ),
        (
            "name: tiny",
            "batch_size: 4",
            "line 1: batch_size: no such setting; did you mean training.batch_size?",
        ),
        (
            "name: tiny",
            "batch_sise: 4",
            "line 1: batch_sise: no such setting; did you mean training.batch_size?",
        ),
        (
            "name: tiny",
            "learning_rate: 4",
            "line 1: learning_rate: no such setting; did you mean optimizers.discriminator.learning_rate or "
            "optimizers.generator.learning_rate?",
        ),
        (
            "  best_by: swd",
            "  zebra: 1",
            "line 24: evaluation.zebra: no such setting; known here: every, count, features, weights, range, "
            "best_by",
        ),
        (
            "  best_by: swd",
            "  1: 1",
            "line 24: evaluation.1: no such setting; known here: every, count, features",
        ),
        (
            "  best_by: swd",
            "  '': 1",
            "line 24: evaluation.'': no such setting; known here: every, count, features",
        ),
        (
            "  best_by: swd",
            '  "a\\nb": 1',
            "line 24: evaluation.a\\nb: no such setting; known here: every, count",
        ),
        # Settings that don't go together: at the first that the message names and the file has.
        (
            "size: 32",
            "size: 30",
            "line 4: data.size: 30 does not fit networks.generator.channels, which names 2 halvings",
        ),
        (
            "  steps: 6\n",
            "  images: 5\n  epochs: 6\n",
            "line 22: training: must have exactly one of steps, epochs, images; it has epochs: 6, images: 5",
        ),
        (
            "  steps: 6\n",
            "",
            "line 20: training: must have exactly one of steps, epochs, images; it has none of them",
        ),
        # The file itself.
        (
            "steps: 6",
            "steps: 6\n  steps: 7",
            "line 22: training.steps: is given twice, in lines 21 and 22; keep one",
        ),
        (
            "steps: 6",
            "steps: !!python/name:os.x",
            "line 21: training.steps: the tag !!python/name:os.x is not taken",
        ),
        ("steps: 6", "steps: [6", "line 22: is no YAML: expected ',' or ']', but got ':'"),
    ],
)
def test_a_wrong_setting_is_told_in_its_line(tmp_path, old, new, says):
    assert TINY.count(old) == 1
    told = problems_of(tmp_path, TINY.replace(old, new))
    assert [line for line in told if line.startswith(says)], told


def test_the_alias_of_a_wrong_block_leads_to_the_block(tmp_path):
    assert problems_of(tmp_path, TINY.replace("1e-3", "-1")) == [
        "line 18: optimizers.discriminator.learning_rate: -1: must be above 0",
        "line 18: optimizers.generator.learning_rate: -1: must be above 0",
    ]


def test_a_value_of_a_list_does_not_make_the_list_too_short(tmp_path):
    assert problems_of(tmp_path, TINY.replace("[6, 4]", "[a, b]")) == [
        "line 9: networks.generator.channels[0]: 'a': must be a whole number",
        "line 9: networks.generator.channels[1]: 'b': must be a whole number",
    ]


def test_every_wrong_setting_has_its_line_and_its_place(tmp_path):
    text = TINY.replace("batch_size: 4", "batch_size: 0").replace("name: tiny", "nme: tiny")
    assert problems_of(tmp_path, text, "data.size=48x", "evaluation.evry=5") == [
        "line 1: name: must be given",
        "--set: data.size: '48x': must be a whole number",
        "line 22: training.batch_size: 0: must be at least 1",
        "--set: evaluation.evry: no such setting; did you mean every?",
        "line 1: nme: no such setting; did you mean name?",
    ]


def test_sizes_that_do_not_fit_because_of_the_set_flag_are_its_fault(tmp_path):
    [line] = problems_of(tmp_path, TINY, "data.size=30")
    assert line.startswith("--set: data.size: 30 does not fit networks.generator.channels")


def test_the_line_of_a_huge_value_is_short(tmp_path):
    value = "{a: [" + "xyz, " * 5000 + "]}"
    [line] = problems_of(tmp_path, TINY.replace("steps: 6", f"steps: {value}"))
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
def test_a_damaged_config_of_a_run_is_told_as_another_is(tmp_path, capsys, verb):
    (tmp_path / "config.yaml").write_text(TINY.replace("steps: 6", "steps: 6\n  steps: 7"))
    assert cli.main([verb, str(tmp_path)]) == 2
    line = "line 22: training.steps: is given twice, in lines 21 and 22; keep one"
    assert capsys.readouterr().err == f"facegan {verb}: {tmp_path / 'config.yaml'}: {line}\n"
