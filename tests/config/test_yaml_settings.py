import os
from pathlib import Path

import pytest

from facegan_tf.common.errors import InputError
from facegan_tf.config.errors import ConfigError
from facegan_tf.config.safe_yaml import Written
from facegan_tf.config.yaml_settings import MAX_BYTES, YamlSettings, read_yaml


def settings_of(tmp_path: Path, text: str) -> YamlSettings:
    (tmp_path / "c.yaml").write_text(text)
    return read_yaml(tmp_path / "c.yaml")


def problems_of(path: Path) -> list[InputError]:
    with pytest.raises(ConfigError) as caught:
        read_yaml(path)
    return caught.value.problems


@pytest.mark.parametrize(
    ("content", "line", "fact"),
    [
        (b"", None, "is empty"),
        (b"- a\n", 1, "is not a config"),
        (b"\n\njust words", 3, "is not a config"),
        (b"a: 1\nb: caf\xe9", 2, "byte 0xe9"),
        ("a: 1".encode("utf-16"), 1, "is not text in UTF-8"),
        (b"\x89PNG\r\n\x1a\n\0\0", 1, "byte 0x89"),
        (b"#" * (MAX_BYTES + 1), None, "is larger than 65,536 bytes"),
    ],
)
def test_a_file_without_settings_is_refused(tmp_path, content, line, fact):
    path = tmp_path / "c.yaml"
    path.write_bytes(content)
    [problem] = problems_of(path)
    assert problem.place == (f"{path}: line {line}" if line else None)
    assert str(problem).startswith(f"{path}: ") and fact in problem.problem


def test_the_words_for_a_file_that_is_a_list(tmp_path):
    (tmp_path / "c.yaml").write_text("- a\n")
    [problem] = problems_of(tmp_path / "c.yaml")
    place = f"{tmp_path / 'c.yaml'}: line 1"
    assert str(problem) == f"{place}: ['a']: is not a config, which is a mapping of settings"


def test_a_file_of_the_largest_size_is_read(tmp_path):
    text = "a: 1\n"
    assert settings_of(tmp_path, text + "#" * (MAX_BYTES - len(text))).plain() == {"a": 1}


def test_at_most_twenty_problems_are_shown(tmp_path):
    (tmp_path / "c.yaml").write_text("a: 1\n" * 1000)
    with pytest.raises(ConfigError) as caught:
        read_yaml(tmp_path / "c.yaml")
    assert len(caught.value.problems) == 999
    *lines, last = str(caught.value).split("\n")
    assert len(lines) == 20
    assert last == "and 979 more like these"


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null", "."])
def test_only_a_regular_file_is_read(device):
    [problem] = problems_of(Path(device))
    assert (problem.value, problem.problem) == (Path(device), "is not a regular file; save the config as one")


def test_a_pipe_without_a_writer_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    [problem] = problems_of(tmp_path / "pipe")
    assert problem.value == tmp_path / "pipe"


@pytest.mark.parametrize(
    ("name", "fact"),
    [
        ("none.yaml", "does not exist"),
        ("c.yaml/inside", "Not a directory"),
        ("a" * 5000, "File name too long"),
        ("a\0b", "embedded null"),
    ],
)
def test_a_path_without_a_file_is_refused(tmp_path, name, fact):
    (tmp_path / "c.yaml").touch()
    [problem] = problems_of(tmp_path / name)
    assert problem.value == tmp_path / name
    assert fact in problem.problem


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_an_unreadable_file_is_refused(tmp_path):
    (tmp_path / "c.yaml").touch(mode=0)
    [problem] = problems_of(tmp_path / "c.yaml")
    assert "Permission denied" in problem.problem


def test_a_place_is_a_line_or_the_set_flag(tmp_path):
    settings = settings_of(tmp_path, "a: 1\nb:\n  c: [1,\n  2]\n  d: 2\ne: null\n")
    settings.override(("b", "d"), Written(3, 1))
    settings.override(("e", "f", "g"), Written({"h": Written(1, 1)}, 1))
    file = tmp_path / "c.yaml"
    assert settings.plain() == {"a": 1, "b": {"c": [1, 2], "d": 3}, "e": {"f": {"g": {"h": 1}}}}
    for path, place in {
        (): f"{file}: line 1",
        ("a",): f"{file}: line 1",
        ("b",): f"{file}: line 2",
        ("b", "c", 1): f"{file}: line 4",
        ("b", "c", 2): f"{file}: line 3",
        ("b", "missing"): f"{file}: line 2",
        ("missing", "too"): f"{file}: line 1",
        ("b", "d"): "--set",
        ("e", "missing"): "--set",
        ("e", "f", "g", "h"): "--set",
    }.items():
        assert settings.place(path) == place, path


def test_an_override_of_one_of_two_aliased_blocks_leaves_the_other(tmp_path):
    settings = settings_of(tmp_path, "a: &x {b: 1}\nc: *x\n")
    settings.override(("c", "b"), Written(2, 1))
    assert settings.plain() == {"a": {"b": 1}, "c": {"b": 2}}
