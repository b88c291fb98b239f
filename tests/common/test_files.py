import ctypes
import json
import os
import subprocess
import sys
import time

import pytest

from facegan_tf.common import files
from facegan_tf.common.errors import InputError
from facegan_tf.common.files import (
    append_line,
    atomic_file,
    atomic_folder,
    folder_bytes,
    is_partial,
    refuse_existing,
    remove_folder,
    writable_parent,
    write_json,
)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_appears_complete_under_its_name(tmp_path):
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


def test_a_folder_appears_complete_or_not_at_all(tmp_path):
    with atomic_folder(tmp_path / "a") as partial:
        (partial / "x").write_text("x")
        assert not (tmp_path / "a").exists()
    assert names(tmp_path / "a") == ["x"]
    with pytest.raises(RuntimeError), atomic_folder(tmp_path / "b") as partial:
        (partial / "x").write_text("x")
        raise RuntimeError
    assert names(tmp_path) == ["a"]


def test_a_folder_never_replaces_one_created_meanwhile(tmp_path):
    with pytest.raises(FileExistsError), atomic_folder(tmp_path / "a") as partial:
        (partial / "mine").write_text("")
        (tmp_path / "a").mkdir()
        (tmp_path / "a" / "theirs").write_text("")
    assert names(tmp_path) == ["a"]
    assert names(tmp_path / "a") == ["theirs"]


def test_a_removed_folder_is_gone(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    remove_folder(tmp_path / "a")
    assert names(tmp_path) == []


def partial_of(pid, name="a", place=None):
    return f".{name}.partial-{place or files._place()}-{pid}-0123abcd"


@pytest.mark.parametrize("name", ["a", "[a]*"])
def test_leftovers_of_killed_processes_are_removed_but_not_files_of_live_ones(tmp_path, name):
    code = (
        "import os, sys; from pathlib import Path; from facegan_tf.common.files import atomic_folder\n"
        "with atomic_folder(Path(sys.argv[1])) as partial:\n"
        "    (partial / 'half').write_text('half')\n"
        "    os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path / name], check=False)
    [abandoned] = names(tmp_path)
    living = [partial_of(pid, name) for pid in (os.getppid(), os.getpid())]
    for each in living:
        (tmp_path / each).mkdir()
    with atomic_folder(tmp_path / name):
        pass
    assert names(tmp_path) == sorted([*living, name])
    assert abandoned.startswith(f".{name}.partial-")


def test_leftovers_under_another_name_are_removed_too(tmp_path):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    (tmp_path / partial_of(ended.pid, "step_000437")).mkdir()
    write_json(tmp_path / "a.json", 1)
    assert names(tmp_path) == ["a.json"]


@pytest.mark.parametrize(("hours", "stays"), [(23, True), (25, False)])
def test_what_another_machine_or_container_is_writing_stays_for_a_day(tmp_path, hours, stays):
    """Its process numbers mean nothing here: ours may be one of them, and 99999999 may be alive there."""
    theirs = [partial_of(pid, place="0" * 12) for pid in (os.getpid(), 99999999)]
    for each in theirs:
        (tmp_path / each).mkdir()
        os.utime(tmp_path / each, (time.time() - hours * 3600,) * 2)
    write_json(tmp_path / "a", 1)
    assert names(tmp_path) == [*sorted(theirs * stays), "a"]


def test_two_writers_of_one_file_do_not_share_its_partial(tmp_path):
    with atomic_file(tmp_path / "a") as one, atomic_file(tmp_path / "a") as other:
        one.write_text("one")
        other.write_text("other")
    assert (tmp_path / "a").read_text() == "one"  # renamed last


def test_what_cannot_be_removed_is_left_alone(tmp_path, monkeypatch):
    def fails(_path):
        raise PermissionError

    (tmp_path / partial_of(99999999)).mkdir()
    monkeypatch.setattr(files.shutil, "rmtree", fails)
    write_json(tmp_path / "a.json", 1)
    assert names(tmp_path) == [partial_of(99999999), "a.json"]


def test_files_of_others_with_such_a_name_are_left_alone(tmp_path):
    (tmp_path / ".a.partial-download").touch()
    os.utime(tmp_path / ".a.partial-download", (1e9, 1e9))
    write_json(tmp_path / "a.json", 1)
    assert names(tmp_path) == [".a.partial-download", "a.json"]


def test_only_unfinished_files_are_partial(tmp_path):
    with atomic_file(tmp_path / "a.partial-1") as partial:
        partial.touch()
        assert is_partial(partial)
    assert not is_partial(tmp_path / "a.partial-1")


@pytest.mark.parametrize("name", ["out", "plot"])
def test_an_existing_path_is_refused_by_the_name_of_its_parameter(tmp_path, name):
    refuse_existing(tmp_path / "new", name)
    with pytest.raises(InputError) as caught:
        refuse_existing(tmp_path, name)
    assert (caught.value.name, caught.value.value) == (name, tmp_path)
    assert "already exists" in caught.value.problem


def test_the_nearest_existing_folder_must_be_writable(tmp_path, monkeypatch):
    assert writable_parent(tmp_path / "a" / "b") == tmp_path
    (tmp_path / "file").touch()
    with pytest.raises(InputError) as caught:
        writable_parent(tmp_path / "file" / "b", "plot")
    assert (caught.value.name, caught.value.value) == ("plot", tmp_path / "file" / "b")
    assert f"{tmp_path / 'file'} is not a folder" in caught.value.problem
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(InputError) as caught:
        writable_parent(tmp_path / "a")
    assert (caught.value.name, caught.value.value) == ("out", tmp_path / "a")
    assert "no permission" in caught.value.problem


def test_the_size_of_a_folder_includes_subfolders(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b").write_bytes(b"123")
    (tmp_path / "c").write_bytes(b"45")
    assert folder_bytes(tmp_path) == 5
    assert folder_bytes(tmp_path / "none") == 0


def test_lines_are_appended(tmp_path):
    for line in ({"a": 1}, [2]):
        append_line(tmp_path / "log", line)
    assert [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()] == [{"a": 1}, [2]]


class Kernel32:
    """Windows' functions for processes, of which one runs, one has ended, and one belongs to the system."""

    exit_codes = {10: 259, 20: 0}  # noqa: RUF012
    system = 30

    def __init__(self):
        self.open = 0

    def OpenProcess(self, access, inherit, pid):
        self.open += pid in self.exit_codes
        self.error = 5 if pid == self.system else 87
        return pid if pid in self.exit_codes else 0

    def GetExitCodeProcess(self, process, code):
        code._obj.value = self.exit_codes[process]
        return 1

    def CloseHandle(self, process):
        self.open -= 1

    def GetLastError(self):
        return self.error


@pytest.fixture
def windows(monkeypatch):
    """Behave like Windows: folders can't be opened, only writable files are flushed, no signals."""
    kernel32, real_open = Kernel32(), os.open

    def open_as_windows(path, flags, *more):
        if os.path.isdir(path):  # noqa: PTH112
            raise PermissionError(13, "Permission denied", str(path))
        assert flags & os.O_RDWR, "a flush needs a writable file"
        return real_open(path, flags, *more)

    def no_signal(*_):
        raise AssertionError("os.kill(pid, 0) sends Ctrl-C on Windows")

    monkeypatch.setattr(files.os, "open", open_as_windows)
    monkeypatch.setattr(files.os, "kill", no_signal)
    monkeypatch.setattr(files, "ON_WINDOWS", True)
    monkeypatch.setattr(ctypes, "windll", type("windll", (), {"kernel32": kernel32}), raising=False)
    return kernel32


def test_on_windows_files_and_folders_are_written(windows, tmp_path):
    write_json(tmp_path / "a.json", 1)
    with atomic_folder(tmp_path / "b") as partial:
        (partial / "c").mkdir()
        (partial / "c" / "d").write_text("d")
    assert names(tmp_path) == ["a.json", "b"]


def test_on_windows_only_leftovers_of_ended_processes_are_removed(windows, tmp_path):
    for pid in (10, 20, 30, 40):  # 40: no such process
        (tmp_path / partial_of(pid)).write_text("")
    write_json(tmp_path / "b.json", 1)
    assert names(tmp_path) == [partial_of(10), partial_of(30), "b.json"]
    assert windows.open == 0
