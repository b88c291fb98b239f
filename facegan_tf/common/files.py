"""Files and folders that appear under their names complete, or not at all."""

import contextlib
import ctypes
import functools
import hashlib
import json
import os
import platform
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from facegan_tf.common.errors import InputError

ON_WINDOWS = os.name == "nt"

_PARTIAL = ".partial-"
_PARTIAL_NAME = re.compile(r"\..+\.partial-([0-9a-f]{12})-([0-9]+)-[0-9a-f]{8}")
_ONE_DAY = 24 * 60 * 60
"""In seconds. What has not changed for that long is no longer being written."""


@functools.cache
def _place() -> str:
    """Names the machine and the container (PID namespace) in which a process number means one process.

    Several machines may have the same name, so Linux's random id of this boot is used if there is one.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text()
        namespace = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        boot, namespace = platform.node(), ""
    return hashlib.sha256(f"{boot} {namespace}".encode()).hexdigest()[:12]


def _partial(path: Path) -> Path:
    return path.with_name(f".{path.name}{_PARTIAL}{_place()}-{os.getpid()}-{secrets.token_hex(4)}")


def is_partial(path: Path) -> bool:
    """Whether this is being written, or was left unfinished by a killed process."""
    return path.name.startswith(".") and _PARTIAL in path.name


def _is_alive(pid: int) -> bool:
    if ON_WINDOWS:
        return _is_alive_on_windows(pid, ctypes.windll.kernel32)  # type: ignore[attr-defined]
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it belongs to another user
        return True
    return True


def _is_alive_on_windows(pid: int, kernel32: Any) -> bool:
    # Not os.kill(pid, 0), which on Windows sends Ctrl-C.
    query_limited_information, still_active, access_denied = 0x1000, 259, 5
    process = kernel32.OpenProcess(query_limited_information, False, pid)
    if not process:
        return kernel32.GetLastError() == access_denied
    code = ctypes.c_ulong()
    kernel32.GetExitCodeProcess(process, ctypes.byref(code))
    kernel32.CloseHandle(process)
    return code.value == still_active


def _is_abandoned(partial: Path) -> bool:
    named = _PARTIAL_NAME.fullmatch(partial.name)
    if named is None:
        return False
    place, pid = named.groups()
    if place == _place():
        return not _is_alive(int(pid))
    return time.time() - partial.stat().st_mtime > _ONE_DAY


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def remove_abandoned_partials(path: Path) -> None:
    """Remove what killed processes left unfinished beside `path`.

    What another machine or container left is removed after a day: its processes can't be seen from here.
    """
    for partial in path.parent.glob(f".*{_PARTIAL}*"):
        with contextlib.suppress(OSError):  # renamed or removed meanwhile, or another user's
            if _is_abandoned(partial):
                _remove(partial)


def sync(path: Path) -> None:
    """Wait until a file, or a folder's list of names, is on the disk, so that it survives a crash."""
    if ON_WINDOWS and path.is_dir():  # Windows can't do this for a folder
        return
    descriptor = os.open(path, os.O_RDWR if ON_WINDOWS else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Yield a path to write to, which is renamed to `path` if the block succeeds.

    An existing file is replaced in one step, so a reader sees the old or the new one.
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
    """Yield an empty folder to fill, which is renamed to `path` if the block succeeds.

    Raises FileExistsError at the end if `path` has been created meanwhile.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_abandoned_partials(path)
    partial = _partial(path)
    partial.mkdir()
    try:
        yield partial
        put_folder(partial, path)
    finally:
        if partial.exists():
            shutil.rmtree(partial)


def put_folder(finished: Path, path: Path) -> None:
    """Rename a folder to `path`, once all of it is on the disk. Raises FileExistsError if `path` exists."""
    for written in (*finished.rglob("*"), finished):
        sync(written)
    if path.exists():
        raise FileExistsError(path)
    finished.rename(path)
    sync(path.parent)


def refuse_existing(path: Path, name: str = "out") -> None:
    """Raise InputError if `path` exists. name: the parameter that gave it."""
    if path.exists():
        raise InputError(name, path, "already exists; choose another path, or remove it")


def writable_parent(path: Path, name: str = "out") -> Path:
    """The nearest existing folder above `path`; InputError if it can't be written to.

    name: the parameter that gave the path.
    """
    parent = next(folder for folder in path.absolute().parents if folder.exists())
    if not parent.is_dir():
        raise InputError(name, path, f"{parent} is not a folder; choose another path")
    if not os.access(parent, os.W_OK | os.X_OK):
        raise InputError(name, path, f"no permission to write in {parent}; choose another path")
    return parent


def remove_folder(path: Path) -> None:
    """Remove a folder so that nobody sees a part of it under its name."""
    partial = _partial(path)
    path.rename(partial)
    shutil.rmtree(partial)


def folder_bytes(folder: Path) -> int:
    """Total size of the files in a folder and its subfolders, in bytes; 0 if it does not exist."""
    total = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(FileNotFoundError):  # unfinished files vanish when they are renamed
            total += path.stat().st_size if path.is_file() else 0
    return total


def write_json(path: Path, content: Any) -> None:
    """Write `content` as indented JSON, atomically."""
    with atomic_file(path) as partial:
        partial.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def append_line(path: Path, content: Any) -> None:
    """Append `content` as one line of JSON; if the disk is full, raise OSError and append nothing."""
    line = (json.dumps(content) + "\n").encode()
    with path.open("ab", buffering=0) as file:
        before = file.seek(0, os.SEEK_END)
        try:
            while line:
                line = line[file.write(line) :]
        except OSError as error:
            file.truncate(before)
            raise OSError(error.errno, error.strerror, str(path)) from error
