import re
from pathlib import Path
from typing import Literal

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import Field

from facegan_tf.config.base import Settings
from facegan_tf.config.errors import ConfigError
from facegan_tf.config.load import load_config
from facegan_tf.config.overrides import apply_override
from facegan_tf.config.schema import all_settings, text_type
from facegan_tf.config.settings import Config
from facegan_tf.config.yaml_settings import YamlSettings, read_yaml
from tests.helpers.configs import tiny_settings

VISIBLE = st.text(st.characters(categories=["L", "M", "N", "P", "S", "Zs"]), min_size=1, max_size=30)
TEXT_SETTINGS = ["data.source", "data.cache", "evaluation.features", "evaluation.feature_weights"]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("overrides") / "c.yaml"
    path.write_text(yaml.safe_dump(tiny_settings()), encoding="utf-8")
    return path


def value_of(path: Path, setting: str, text: str) -> object:
    block, key = setting.split(".")
    return getattr(getattr(load_config(path, [f"{setting}={text}"]), block), key)


@pytest.mark.parametrize("setting", TEXT_SETTINGS)
@settings(deadline=None)  # the machine may be busy
@given(text=VISIBLE.filter(lambda text: text != "null"))
@example("photos #2")
@example("a: b")
@example("[old] photos")
@example("{a: b}")
@example("1234")
@example("1e5")
@example("0x1f")
@example("2026-01-31")
@example("true")
@example("~")
@example("NULL")
@example("'photos'")
@example('"photos"')
@example("'photos")
@example("it's")
@example(" photos ")
@example("a=b=c")
@example("*photos")
@example("&photos")
@example("!photos")
@example("!!int 5")
@example("- photos")
@example("| photos")
@example("%YAML")
@example("@home")
@example("C:\\\\Users\\\\me")
@example("写真 🙂 é")
def test_the_value_of_a_text_setting_is_taken_literally(path, setting, text):
    assert value_of(path, setting, text) == text


@settings(deadline=None)  # the machine may be busy
@given(text=VISIBLE)
def test_literal_text_survives_the_config_of_a_run(path, text):
    config = load_config(path, [f"data.source={text}"])
    copy = path.with_name("resolved.yaml")
    copy.write_text(config.to_yaml(), encoding="utf-8")
    assert load_config(copy) == config


def test_null_is_null_only_where_the_setting_may_be_null(path):
    assert value_of(path, "evaluation.feature_weights", "null") is None
    assert value_of(path, "data.source", "null") == "null"


@pytest.mark.parametrize("setting", TEXT_SETTINGS)
def test_an_empty_text_is_refused(path, setting):
    with pytest.raises(ConfigError) as caught:
        load_config(path, [f"{setting}="])
    [problem] = caught.value.problems
    assert (problem.name, problem.value, problem.place) == (setting, "", "--set")


@pytest.mark.parametrize("text", ["a\nb", "a\tb", "a\x1b[31m", "a\u2028b", "a\udcff", "\x7f"])
def test_invisible_characters_are_refused_in_literal_text(path, text):
    with pytest.raises(ConfigError) as caught:
        load_config(path, [f"data.source={text}"])
    [problem] = caught.value.problems
    assert problem.name == "overrides" and "invisible character" in problem.problem
    assert str(problem).isprintable()


def test_every_text_setting_is_found():
    found = {".".join(map(str, s.path)) for s in all_settings(Config) if text_type(s.path, Config, {})}
    assert found >= {*TEXT_SETTINGS, "name", "data.crop"}
    assert not found & {
        "data.size",
        "data.flip",
        "networks.family",
        "optimizers.generator.name",
        "objective.loss",
    }


class Named(Settings):
    kind: Literal["named"]
    label: str
    size: int = 0


class Counted(Settings):
    kind: Literal["counted"]
    label: int
    note: str | None = None


class Union(Settings):
    part: Named | Counted = Field(discriminator="kind")


@pytest.mark.parametrize(
    ("path", "written", "expected"),
    [
        ("part.label", {"part": {"kind": "named"}}, "text"),
        ("part.label", {"part": {"kind": "counted"}}, None),
        ("part.label", {}, None),  # text in one kind only, and the kind is not known
        ("part.label", {"part": 5}, None),
        ("part.note", {}, "text or null"),  # the only kind that has it
        ("part.note", {"part": {"kind": "named"}}, None),
        ("part.kind", {}, None),  # a choice, not a text
        ("part.size", {"part": {"kind": "named"}}, None),
        ("part", {}, None),
        ("part.label.more", {"part": {"kind": "named"}}, None),
        ("missing", {}, None),
    ],
)
def test_the_kind_of_a_block_decides_what_is_text(path, written, expected):
    assert text_type(tuple(path.split(".")), Union, written) == expected


def test_an_earlier_override_of_the_kind_counts(tmp_path):
    (tmp_path / "c.yaml").write_text("part: {kind: counted}")
    settings = read_yaml(tmp_path / "c.yaml")
    for override in ("part.kind=named", "part.label=5 # five"):
        apply_override(override, settings, Union)
    assert settings.plain() == {"part": {"kind": "named", "label": "5 # five"}}


def settings_of(tmp_path: Path, text: str) -> YamlSettings:
    (tmp_path / "c.yaml").write_text(text)
    return read_yaml(tmp_path / "c.yaml")


@pytest.mark.parametrize(
    ("override", "fact"),
    [
        ("a", "must be key.path=value, such as training.steps=500"),
        ("", "must be key.path=value"),
        ("=1", "must be key.path=value"),
        ("a..b=1", "must be key.path=value"),
        ("a.b=1", "a is a value"),
        ("b.c=1", "b is a value"),
        ("a=[1", "is not valid YAML"),
        ("a=b: c: d", "mapping values are not allowed here"),
        ("a=&x [*x]", "[0]: an alias"),
        ("a={b: 1, b: 2}", "b: is given twice"),
        ("a=!!python/none 1", "the tag !!python/none"),
        ("a=\0", "U+0000"),
        ("a=\udcff", "U+DCFF"),
        ("a=" + "9" * 5000, "64 bits"),
        ("a=" + "[" * 50_000, "nested more than 16 deep"),
    ],
)
def test_an_override_that_cannot_be_applied_is_named_on_a_short_line(tmp_path, override, fact):
    settings = settings_of(tmp_path, "a: 1\nb: [1]\n")
    with pytest.raises(ConfigError) as caught:
        apply_override(override, settings, Config)
    [problem] = caught.value.problems
    assert problem.name == "overrides" and fact in problem.problem
    line = caught.value.described({"overrides": "--set"})
    assert re.match(r"--set\b", line) and line.isprintable() and len(line) < 250
    if len(override) < 30 and override.isprintable() and override:
        assert problem.value == override
