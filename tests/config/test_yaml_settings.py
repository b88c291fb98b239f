import os
import re
from pathlib import Path

import pytest

from facegan_tf.common.errors import InputError
from facegan_tf.config.yaml_settings import MAX_BYTES, YamlSettings, read_yaml


def settings_of(tmp_path: Path, text: str) -> YamlSettings:
    (tmp_path / "c.yaml").write_text(text)
    return read_yaml(tmp_path / "c.yaml")


def message_of(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        read_yaml(path)
    return str(caught.value)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "{}: is empty; a config is a mapping of settings, as those in configs/ are"),
        (b"- a\n", "{}: line 1: a config is a mapping of settings, this is ['a']"),
        (b"\n\njust words", "{}: line 3: a config is a mapping of settings, this is 'just words'"),
        (
            b"a: 1\na: 2\nb: 1\nb: 2",
            "{0}: line 2: a: is given twice, in lines 1 and 2; keep one\n{0}: line 4: b: ",
        ),
        (b"a: 1\nb: caf\xe9", "{}: line 2: is not text in UTF-8 (byte 0xe9); save it as that"),
        ("a: 1".encode("utf-16"), "{}: line 1: is not text in UTF-8 (byte 0x"),
        (b"\x89PNG\r\n\x1a\n\0\0", "{}: line 1: is not text in UTF-8 (byte 0x89); save it as that"),
        (b"#" * (MAX_BYTES + 1), "{}: is larger than 65,536 bytes, so it is no config"),
    ],
)
def test_a_file_without_settings_is_told_so(tmp_path, content, says):
    path = tmp_path / "c.yaml"
    path.write_bytes(content)
    assert message_of(path).startswith(says.format(path))


def test_a_file_of_the_largest_size_is_read(tmp_path):
    text = "a: 1\n"
    assert settings_of(tmp_path, text + "#" * (MAX_BYTES - len(text))).plain() == {"a": 1}


def test_no_more_than_twenty_problems_are_told(tmp_path):
    (tmp_path / "c.yaml").write_text("a: 1\n" * 1000)
    *lines, last = message_of(tmp_path / "c.yaml").split("\n")
    assert len(lines) == 20
    assert last == "and 979 more like these"


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null", "."])
def test_what_is_no_file_is_not_read(device):
    assert message_of(Path(device)) == f"{device}: is no file that can be read whole; save the config as one"


def test_a_pipe_without_a_writer_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert "is no file that can be read whole" in message_of(tmp_path / "pipe")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("none.yaml", "no such config; the ones that come along are in configs/"),
        ("c.yaml/inside", "can't be read: Not a directory"),
        ("a" * 5000, "can't be read: File name too long"),
        ("a\0b", "can't be read: embedded null"),
    ],
)
def test_a_path_that_leads_to_no_file_is_told_so(tmp_path, name, says):
    (tmp_path / "c.yaml").touch()
    assert f"{tmp_path / name}: {says}" in message_of(tmp_path / name)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_that_may_not_be_read_is_told_so(tmp_path):
    (tmp_path / "c.yaml").touch(mode=0)
    assert message_of(tmp_path / "c.yaml").endswith("can't be read: Permission denied")


def test_places_are_lines_or_the_set_flag(tmp_path):
    settings = settings_of(tmp_path, "a: 1\nb:\n  c: [1,\n  2]\n  d: 2\ne: null\n")
    settings.override("b.d=3")
    settings.override("e.f.g={h: 1}")
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
    settings.override("c.b=2")
    assert settings.plain() == {"a": {"b": 1}, "c": {"b": 2}}


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("a", "--set a: must be key.path=value, such as training.steps=500"),
        ("", "--set : must be key.path=value"),
        ("=1", "--set =1: must be key.path=value"),
        ("a..b=1", "--set a..b=1: must be key.path=value"),
        ("a.b=1", "--set a.b=1: a holds a value, not further settings"),
        ("b.c=1", "--set b.c=1: b holds a value, not further settings"),
        ("a=[1", "--set a=[1: is no YAML: "),
        ("a=b: c: d", "--set a=b: c: d: is no YAML: mapping values are not allowed here"),
        ("a=&x [*x]", "--set a=&x [*x]: [0]: an alias stands for the block that it is in"),
        ("a={b: 1, b: 2}", "--set a={b: 1, b: 2}: b: is given twice; keep one"),
        (
            "a=!!python/none 1",
            "--set a=!!python/none 1: the tag !!python/none is not taken here; leave it out",
        ),
        ("a=\0", "--set a=\\x00: the character U+0000 is not allowed in YAML"),
        ("a=\udcff", "--set a=\\udcff: the character U+DCFF is not allowed in YAML"),
        ("a=" + "9" * 5000, "can't be read as a whole number of 64 bits"),
        ("a=" + "[" * 50_000, "blocks and lists are nested more than 16 deep"),
    ],
)
def test_an_override_that_cannot_be_applied_is_told_in_a_short_line(tmp_path, override, says):
    settings = settings_of(tmp_path, "a: 1\nb: [1]\n")
    with pytest.raises(InputError, match=re.escape(says)) as caught:
        settings.override(override)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 250
