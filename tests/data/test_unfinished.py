"""Who may fill the draft of a store: one process at a time, on whatever file system."""

import errno
import fcntl
import os
import stat
from pathlib import Path

import pytest

from facegan_tf.data import unfinished
from facegan_tf.data.unfinished import unfinished_folder, unfinished_path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def leave_draft(out: Path) -> Path:
    """Fill a draft, and fail; returns the folder that was filled."""
    with pytest.raises(RuntimeError), unfinished_folder(out, lambda _: True) as folder:
        (folder / "half").touch()
        raise RuntimeError
    return folder


def test_a_draft_is_kept_and_the_lock_is_not(tmp_path: Path) -> None:
    assert leave_draft(tmp_path / "a") == unfinished_path(tmp_path / "a")
    assert names(tmp_path) == [".a.unfinished"]
    with unfinished_folder(tmp_path / "a", lambda _: True) as folder:
        assert names(folder) == ["half"]
    assert names(tmp_path) == ["a"]
    assert names(tmp_path / "a") == ["half"]


def test_a_draft_in_use_is_left_to_its_process(tmp_path: Path) -> None:
    with unfinished_folder(tmp_path / "a", lambda _: True) as ours:
        other = leave_draft(tmp_path / "a")
        assert other != ours and not other.exists()
        assert names(ours) == []
    assert names(tmp_path) == ["a"]


def test_nfs_where_only_files_opened_for_writing_have_locks_also_keeps_drafts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = fcntl.flock

    def flock(descriptor: int, operation: int) -> None:
        flags = fcntl.fcntl(descriptor, fcntl.F_GETFL)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode) or not flags & os.O_RDWR:
            raise OSError(errno.EBADF, "Bad file descriptor")
        real(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", flock)
    assert leave_draft(tmp_path / "a") == unfinished_path(tmp_path / "a")
    with unfinished_folder(tmp_path / "a", lambda _: True):
        assert leave_draft(tmp_path / "a") != unfinished_path(tmp_path / "a")


def test_a_lock_that_its_holder_removed_meanwhile_is_not_a_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = unfinished.lock

    def lock(descriptor: int) -> None:
        Path(f"{unfinished_path(tmp_path / 'a')}.lock").unlink()
        real(descriptor)

    monkeypatch.setattr(unfinished, "lock", lock)
    assert leave_draft(tmp_path / "a") != unfinished_path(tmp_path / "a")
    assert names(tmp_path) == []


def test_without_locks_the_work_is_done_but_not_continued(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lock(_descriptor: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(unfinished, "lock", lock)
    assert not leave_draft(tmp_path / "a").exists()
    with unfinished_folder(tmp_path / "a", lambda _: True) as folder:
        (folder / "whole").touch()
    assert names(tmp_path / "a") == ["whole"]
