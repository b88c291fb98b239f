import errno
import importlib.util
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from facegan_tf.common import locks
from facegan_tf.common.errors import InputError
from facegan_tf.run import lock
from facegan_tf.run.lock import LOCK, locked

HOLD = """
import sys, time
from pathlib import Path
from facegan_tf.run.lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds tmp_path."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, tmp_path], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_second_training_is_refused_and_the_first_is_named(holder, tmp_path):
    with pytest.raises(InputError) as caught, locked(tmp_path):
        pass
    assert (caught.value.name, caught.value.value) == ("out", tmp_path)
    assert f"another process is training there: process {holder.pid} on " in caught.value.problem


def test_a_killed_process_holds_nothing(holder, tmp_path):
    holder.kill()
    holder.wait()
    with locked(tmp_path):
        pass


def test_the_lock_is_free_again_afterwards_also_after_an_error(tmp_path):
    for _ in range(2):
        with pytest.raises(RuntimeError), locked(tmp_path):
            raise RuntimeError
    assert (tmp_path / LOCK).read_text() == ""
    with locked(tmp_path), pytest.raises(InputError), locked(tmp_path):  # our own process is no exception
        pass


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS])
def test_where_the_file_system_has_no_locks_training_goes_on_with_a_warning(
    tmp_path, monkeypatch, capsys, code
):
    def unsupported(descriptor, operation):
        raise OSError(code, "not supported")

    monkeypatch.setattr(locks.fcntl, "flock", unsupported)
    with locked(tmp_path):
        assert "process" in (tmp_path / LOCK).read_text()
    assert f"warning: {tmp_path}" in capsys.readouterr().err


def test_other_errors_are_not_taken_for_another_training(tmp_path, monkeypatch):
    def broken(descriptor, operation):
        raise OSError(errno.EIO, "broken")

    monkeypatch.setattr(locks.fcntl, "flock", broken)
    with pytest.raises(OSError, match="broken"), locked(tmp_path):
        pass


class Msvcrt(SimpleNamespace):
    """Windows' locks of a byte, by file and place: held by one handle, whoever it belongs to."""

    LK_UNLCK, LK_NBLCK = 0, 2

    def __init__(self):
        super().__init__(held={})

    def locking(self, descriptor, mode, count):
        assert count == 1
        place = (os.fstat(descriptor).st_ino, os.lseek(descriptor, 0, os.SEEK_CUR))
        if mode == self.LK_UNLCK:
            del self.held[place]
            return
        if place in self.held:
            raise PermissionError(errno.EACCES, "Permission denied")
        self.held[place] = descriptor


@pytest.fixture
def windows_locks(monkeypatch):
    """The locks that are held, with those of Windows, where `fcntl` can't be imported."""
    fake = Msvcrt()
    monkeypatch.setitem(sys.modules, "msvcrt", fake)
    monkeypatch.setitem(sys.modules, "fcntl", None)  # its import fails
    monkeypatch.setattr(sys, "platform", "win32")
    spec = importlib.util.spec_from_file_location("locks_on_windows", locks.__file__)
    there = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(there)
    monkeypatch.setattr(lock, "lock", there.lock)
    monkeypatch.setattr(lock, "unlock", there.unlock)
    return fake.held


def test_windows_locks_a_byte_behind_the_text(windows_locks, tmp_path):
    with locked(tmp_path):
        [(_, place)] = windows_locks
        assert place > len((tmp_path / LOCK).read_text()) > 0
        with pytest.raises(InputError) as caught, locked(tmp_path):
            pass
    assert "another process is training there: process" in caught.value.problem
    assert not windows_locks
    with locked(tmp_path):
        pass
