"""Lets only one process at a time train in a run directory."""

import contextlib
import errno
import os
import platform
import shlex
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from facegan_tf.common.errors import InputError
from facegan_tf.common.locks import lock, unlock

LOCK = "lock"
"""File in the run directory that says who holds the lock; empty when nobody does."""

UNSUPPORTED = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS)
"""Errors of file systems that have no locks: Lustre without `flock`, NFS without its lock service."""


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Lock a run directory, which is created if needed, against other processes that train.

    Raises InputError, which names the holder, if another process is training there. The lock file stays,
    because removing it could let two processes in. Where the file system has no locks, a warning says that
    nothing keeps a second process out.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("a+", encoding="utf-8", errors="backslashreplace") as file:
        try:
            lock(file.fileno())
        except OSError as error:
            if error.errno in UNSUPPORTED:
                print(
                    f"warning: {folder}: this file system has no locks ({error.strerror}), so nothing keeps "
                    "a second process from training there: don't start one until this one has ended",
                    file=sys.stderr,
                )
            elif isinstance(error, BlockingIOError):
                raise InputError(
                    "out",
                    folder,
                    f"another process is training there: {_holder(folder)}; wait until it ends, stop it, or "
                    "choose another folder with `out`",
                ) from None
            else:
                raise
        file.truncate(0)
        file.write(
            f"process {os.getpid()} on {platform.node()} since {time.strftime('%Y-%m-%d %H:%M:%S')}: "
            f"{shlex.join(sys.argv)}"
        )
        file.flush()
        try:
            yield
        finally:
            file.truncate(0)
            unlock(file.fileno())


def _holder(folder: Path) -> str:
    text = (folder / LOCK).read_text(encoding="utf-8", errors="replace").strip()
    return text or "a process that has just started"
