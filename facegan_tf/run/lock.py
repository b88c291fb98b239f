"""One training at a time in a run directory."""

import contextlib
import fcntl
import os
import platform
import shlex
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from facegan_tf.common.errors import InputError

LOCK = "lock"
"""File in the run directory: who holds it, in words; empty when no one does."""


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a run directory, which is made if need be, against other trainings.

    Raises InputError, naming the holder, if one is at work there. The lock is the kernel's (`flock`), so it
    ends with its process, however that ends: one that was killed is in no one's way. The file stays; removing
    it could let two in.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("a+", encoding="utf-8", errors="backslashreplace") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(
                f"--out {folder}: another training is at work there: {_holder(folder)}; wait for its end or "
                "stop it, or choose another place with --out"
            ) from None
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


def _holder(folder: Path) -> str:
    return (folder / LOCK).read_text(encoding="utf-8").strip() or "a process that has just begun"
