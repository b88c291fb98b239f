"""Locks on open files, which the operating system releases when their holder ends, even if it is killed."""

import contextlib
import os
import sys

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

LOCKED_BYTE = 2**20
"""Windows keeps others from reading a locked byte, so the lock is on one far beyond the text."""


def lock(descriptor: int) -> None:
    """Lock a file that is open for reading and writing (`flock`; on Windows `LockFile`), until it is closed.

    Raises BlockingIOError if somebody else holds it, and another OSError if the file system has no locks.
    """
    if sys.platform == "win32":
        os.lseek(descriptor, LOCKED_BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except PermissionError as error:
            raise BlockingIOError(*error.args) from None
    else:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def unlock(descriptor: int) -> None:
    """Unlock a file that is about to be closed; otherwise Windows may be slow to release it."""
    if sys.platform == "win32":
        os.lseek(descriptor, LOCKED_BYTE, os.SEEK_SET)
        with contextlib.suppress(OSError):  # it was never locked, because the file system has no locks
            msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)
