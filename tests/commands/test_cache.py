import subprocess
import sys

import pytest

from facegan_tf.cli import main
from facegan_tf.commands import cache as cache_command
from facegan_tf.commands import evaluate as evaluate_command
from facegan_tf.data.cache import DEFAULT_CACHE, Entry, as_table, list_cache
from facegan_tf.data.unfinished import unfinished_folder
from tests.helpers.command_line import call, parsed
from tests.helpers.configs import make_store

NAMES = ["cats-32-0123456789ab", "faces-32-0123456789ab"]


@pytest.fixture
def cache(tmp_path):
    """A cache of two stores, beside a file of another program."""
    for count, name in enumerate(NAMES, 500):
        make_store(tmp_path / name, count)
    (tmp_path / "notes.txt").write_text("mine")
    return tmp_path


def names_in(cache):
    return sorted(path.name for path in cache.iterdir())


def test_it_lists_what_is_in_the_cache(cache, capsys):
    assert call(capsys, "cache", "--cache", cache) == (0, as_table(list_cache(cache)) + "\n", "")
    assert names_in(cache) == [*NAMES, "notes.txt"]


def test_names_alone_are_removed_and_shown_with_their_size(cache, capsys):
    code, out, err = call(capsys, "cache", "--cache", cache, "--clear", NAMES[1])
    assert (code, err) == (0, f"removing from {cache}:\n")
    assert out.splitlines()[1].split()[:3] == [NAMES[1], "1.5", "MB"]
    assert out.endswith("1.5 MB in all\n") and NAMES[0] not in out
    assert names_in(cache) == [NAMES[0], "notes.txt"]


def test_all_removes_both(cache, capsys):
    code, out, _ = call(capsys, "cache", "--cache", cache, "--clear", "all")
    assert code == 0
    assert all(name in out for name in NAMES)
    assert names_in(cache) == ["notes.txt"]


@pytest.mark.parametrize("name", ["all", ".dogs-32-0123456789ab.unfinished"])
def test_a_store_that_is_being_prepared_is_kept(cache, capsys, name):
    with unfinished_folder(cache / "dogs-32-0123456789ab", lambda _: True) as folder:
        (folder / "half").write_text("half")
        listed = call(capsys, "cache", "--cache", cache)[1]
        code, out, err = call(capsys, "cache", "--cache", cache, "--clear", name)
        assert (folder / "half").exists()
    assert f"{folder.name} is being prepared" in err
    assert code == 0 and folder.name not in out
    [line] = [line for line in listed.splitlines() if line.startswith(folder.name)]
    assert "being prepared" in line


def test_what_a_killed_process_left_is_removed(cache, capsys):
    code = (
        "import os, sys; from pathlib import Path; from facegan_tf.data.unfinished import unfinished_folder\n"
        "with unfinished_folder(Path(sys.argv[1]), lambda _: True):\n"
        "    os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, cache / "dogs"], check=False)
    assert names_in(cache)[:2] == [".dogs.unfinished", ".dogs.unfinished.lock"]
    assert "interrupted" in call(capsys, "cache", "--cache", cache)[1]
    assert call(capsys, "cache", "--cache", cache, "--clear", ".dogs.unfinished")[0] == 0
    assert names_in(cache) == [*NAMES, "notes.txt"]


def test_clear_without_names_is_wrong_use_and_removes_nothing(cache, capsys):
    with pytest.raises(SystemExit) as left:
        main(["cache", "--cache", str(cache), "--clear"])
    assert left.value.code == 2
    assert "--clear" in capsys.readouterr().err
    assert names_in(cache) == [*NAMES, "notes.txt"]


@pytest.mark.parametrize("names", [["gone"], [NAMES[0], "gone"], ["all", NAMES[0]]])
def test_names_that_cant_be_used_are_refused_and_nothing_is_removed(cache, capsys, names):
    code, out, err = call(capsys, "cache", "--cache", cache, "--clear", *names)
    assert (code, out) == (2, "")
    assert err.startswith("facegan cache: --clear ")
    assert names_in(cache) == [*NAMES, "notes.txt"]


def test_it_shows_what_will_be_removed_before_it_removes(cache, capsys, monkeypatch):
    def fail(_entry):
        raise OSError("Permission denied")

    monkeypatch.setattr(Entry, "remove", fail)
    code, out, err = call(capsys, "cache", "--cache", cache, "--clear", "all")
    assert code == 1
    assert all(name in out for name in NAMES)
    assert "Permission denied" in err


def test_the_default_folder_is_that_of_the_setting():
    assert parsed(cache_command).cache == DEFAULT_CACHE
    assert parsed(evaluate_command, "run").cache == DEFAULT_CACHE
