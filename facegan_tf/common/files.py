"""Writing files and folders that are complete or absent, never half-written."""

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from facegan_tf.common.errors import InputError

_PARTIAL = ".partial-"


def _partial(path: Path) -> Path:
    return path.with_name(f".{path.name}{_PARTIAL}{os.getpid()}")


def is_partial(path: Path) -> bool:
    """Whether this is something half-written, or left so by a process that was killed."""
    return path.name.startswith(".") and _PARTIAL in path.name


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def remove_abandoned_partials(path: Path) -> None:
    """Remove what killed processes left half-written beside `path`.

    In a container a new process often has the number of a killed one: what has our own number and is
    to become `path` was not left by us, who only begin to write it.
    """
    for partial in path.parent.glob(f".*{_PARTIAL}*"):
        pid = partial.name.rpartition("-")[2]
        if pid.isdigit() and (partial == _partial(path) or not _alive(int(pid))):
            _remove(partial)


def sync(path: Path) -> None:
    """Wait until a file, or a folder's list of names, is on the disk: a machine may die too."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Yield a path to write to; it takes the name `path` only if the block succeeds.

    An existing file at `path` is replaced in one step, so a reader sees the old or the new one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_abandoned_partials(path)
    partial = _partial(path)
    try:
        yield partial
        sync(partial)
        partial.replace(path)
        sync(path.parent)
    finally:
        partial.unlink(missing_ok=True)


@contextlib.contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yield an empty folder to fill; it takes the name `path` only if the block succeeds.

    Raises FileExistsError at the end if something else has taken the name meanwhile.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_abandoned_partials(path)
    partial = _partial(path)
    partial.mkdir()
    try:
        yield partial
        for written in (*partial.rglob("*"), partial):
            sync(written)
        if path.exists():
            raise FileExistsError(path)
        partial.rename(path)
        sync(path.parent)
    finally:
        if partial.exists():
            shutil.rmtree(partial)


def refuse_existing(path: Path, flag: str = "--out") -> None:
    """InputError, which names the flag that gave it, if there is something at `path`."""
    if path.exists():
        raise InputError(f"{flag} {path}: is there already; choose another name, or remove it")


def writable_parent(path: Path, flag: str = "--out") -> Path:
    """The nearest folder above `path` that exists; InputError, which names `flag`, if it can't be written."""
    parent = next(folder for folder in path.absolute().parents if folder.exists())
    if not parent.is_dir():
        raise InputError(f"{flag} {path}: {parent} is not a folder; give another place")
    if not os.access(parent, os.W_OK | os.X_OK):
        raise InputError(f"{flag} {path}: no permission to write in {parent}; give another place")
    return parent


def remove_folder(path: Path) -> None:
    """Remove a folder such that no one sees a part of it under its name."""
    partial = _partial(path)
    path.rename(partial)
    shutil.rmtree(partial)


def folder_bytes(folder: Path) -> int:
    """What the files below take, in bytes; 0 if there is no such folder."""
    total = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(FileNotFoundError):  # half-written ones vanish as they take their names
            total += path.stat().st_size if path.is_file() else 0
    return total


def write_json(path: Path, content: Any) -> None:
    """Write `content` as indented JSON, atomically."""
    with atomic_file(path) as partial:
        partial.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def append_line(path: Path, content: Any) -> None:
    """Append `content` as a line of JSON: all of it or, where the disk is full, nothing (OSError)."""
    line = (json.dumps(content) + "\n").encode()
    with path.open("ab", buffering=0) as file:
        before = file.seek(0, os.SEEK_END)
        try:
            while line:
                line = line[file.write(line) :]
        except OSError as error:
            file.truncate(before)
            raise OSError(error.errno, error.strerror, str(path)) from error
