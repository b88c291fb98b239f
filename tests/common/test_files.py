import json
import os
import subprocess
import sys

import pytest

from facegan_tf.common.files import atomic_file, atomic_folder, remove_folder, write_json


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_appears_whole_under_its_name(tmp_path):
    path = tmp_path / "deep" / "a.txt"
    with atomic_file(path) as partial:
        partial.write_text("half")
        assert not path.exists()
        partial.write_text("whole")
    assert path.read_text() == "whole"
    assert names(path.parent) == ["a.txt"]


def test_a_failed_write_keeps_the_old_file_and_leaves_nothing_beside_it(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"good": 1})
    with pytest.raises(TypeError):
        write_json(path, {"bad": object()})
    with pytest.raises(RuntimeError), atomic_file(path) as partial:
        partial.write_text("half")
        raise RuntimeError
    assert json.loads(path.read_text()) == {"good": 1}
    assert names(tmp_path) == ["a.json"]


def test_a_folder_appears_whole_or_not_at_all(tmp_path):
    with atomic_folder(tmp_path / "a") as partial:
        (partial / "x").write_text("x")
        assert not (tmp_path / "a").exists()
    assert names(tmp_path / "a") == ["x"]
    with pytest.raises(RuntimeError), atomic_folder(tmp_path / "b") as partial:
        (partial / "x").write_text("x")
        raise RuntimeError
    assert names(tmp_path) == ["a"]


def test_a_folder_never_replaces_one_that_came_meanwhile(tmp_path):
    with pytest.raises(FileExistsError), atomic_folder(tmp_path / "a") as partial:
        (partial / "mine").write_text("")
        (tmp_path / "a").mkdir()
        (tmp_path / "a" / "theirs").write_text("")
    assert names(tmp_path) == ["a"]
    assert names(tmp_path / "a") == ["theirs"]


def test_what_a_killed_process_of_our_own_number_left_is_not_in_the_way(tmp_path):
    # As in a container, where every start has the same few process numbers.
    abandoned = tmp_path / f".a.partial-{os.getpid()}"
    abandoned.mkdir()
    (abandoned / "half").write_text("half")
    with atomic_folder(tmp_path / "a") as partial:
        assert not list(partial.iterdir())
    assert names(tmp_path) == ["a"]


def test_a_removed_folder_is_gone(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    remove_folder(tmp_path / "a")
    assert names(tmp_path) == []


@pytest.mark.parametrize("name", ["a", "[a]*"])
def test_what_a_killed_process_left_is_removed_and_what_a_living_one_writes_is_not(tmp_path, name):
    code = (
        "import os, sys; from pathlib import Path; from facegan_tf.common.files import atomic_folder\n"
        "with atomic_folder(Path(sys.argv[1])) as partial:\n"
        "    (partial / 'half').write_text('half')\n"
        "    os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path / name], check=False)
    [abandoned] = names(tmp_path)
    living = f".{name}.partial-{os.getppid()}"
    (tmp_path / living).mkdir()
    with atomic_folder(tmp_path / name):
        pass
    assert names(tmp_path) == sorted([living, name])
    assert abandoned.startswith(f".{name}.partial-")


def test_what_was_abandoned_under_another_name_is_removed_too(tmp_path):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    (tmp_path / f".step_000437.partial-{ended.pid}").mkdir()
    write_json(tmp_path / "a.json", 1)
    assert names(tmp_path) == ["a.json"]
