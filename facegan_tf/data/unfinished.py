"""The folder in which a store is prepared, which is left behind if the work is interrupted.

.STORE.unfinished/        the draft of STORE, for the next `prepare` of the same store to continue
.STORE.unfinished.lock    locked by the process that is filling the draft
"""

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from facegan_tf.common.files import ON_WINDOWS, atomic_folder, put_folder, remove_abandoned_partials
from facegan_tf.common.locks import lock

_ENDING = ".unfinished"


def unfinished_path(out: Path) -> Path:
    """Where the draft of the store `out` is."""
    return out.with_name(f".{out.name}{_ENDING}")


def is_unfinished(path: Path) -> bool:
    """Whether this is the draft of a store."""
    return path.name.startswith(".") and path.name.endswith(_ENDING)


def lock_of(draft: Path) -> Path:
    """The lock file of a draft, held by the process that is filling the draft."""
    # Beside the draft, which is renamed in the end. Not the folder itself: NFS has locks for files alone.
    return draft.with_name(f"{draft.name}.lock")


def is_in_use(draft: Path) -> bool:
    """Whether a process is filling a draft."""
    try:
        with lock_of(draft).open("r+") as file:
            lock(file.fileno())
    except BlockingIOError:
        return True
    except OSError:
        pass  # there is no lock file, or the file system has no locks
    return False


@contextlib.contextmanager
def unfinished_folder(out: Path, is_worth_keeping: Callable[[Path], bool]) -> Iterator[Path]:
    """Yield a folder with the draft of a store, or an empty one; it becomes `out` if the block succeeds.

    If the block fails, the folder is removed unless `is_worth_keeping(folder)`. If another process is using
    `unfinished_path(out)`, or there are no locks, another folder is yielded, which can't be continued.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    remove_abandoned_partials(out)
    folder = unfinished_path(out)
    with _held(lock_of(folder)) as is_ours:
        if not is_ours:
            with atomic_folder(out) as private:
                yield private
                _remove_empty(out)
            return
        folder.mkdir(exist_ok=True)
        try:
            yield folder
            _remove_empty(out)
            put_folder(folder, out)
        except BaseException:
            if not is_worth_keeping(folder):
                shutil.rmtree(folder, ignore_errors=True)
            raise


def _remove_empty(out: Path) -> None:
    if out.is_dir():
        out.rmdir()  # an empty folder may be there; if it isn't empty, this fails


@contextlib.contextmanager
def _held(path: Path) -> Iterator[bool]:
    """Lock a file, which exists only in this block, against other processes; yields whether that worked."""
    if ON_WINDOWS:  # where an open file can't be removed
        yield False
        return
    with path.open("a+") as file:
        try:
            lock(file.fileno())
            is_ours = os.path.samestat(os.fstat(file.fileno()), path.stat())  # not just removed by its holder
        except OSError:  # held by another process, or the file system has no locks
            is_ours = False
        try:
            yield is_ours
        finally:
            if is_ours:
                path.unlink(missing_ok=True)
