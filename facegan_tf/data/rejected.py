"""The files that could not be used: the table that names them, and how many are too many."""

import csv
import re
from collections import Counter
from pathlib import Path

from facegan_tf.common.errors import InputError
from facegan_tf.data.store import REJECTED, FaceStore

MAX_REJECTED = 0.5
"""Share of the files that were read: above it the source is hardly what was meant."""
_REASONS_TOLD = 3
_HEADER = ["name", "reason"]


def write_rejected(folder: Path, rejected: list[tuple[str, str]]) -> None:
    """Write the table of a store: the names as they are, however odd, each with its reason."""
    # backslashreplace: a file's name need not be valid text
    with (folder / REJECTED).open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        table = csv.writer(file)
        table.writerow(_HEADER)
        table.writerows(rejected)


def read_rejected(folder: Path) -> list[tuple[str, str]]:
    """(name, reason) of each file that a store's table names; InputError if that is no such table."""
    try:
        with (folder / REJECTED).open(encoding="utf-8", newline="") as file:
            header, *rows = csv.reader(file)
        if header != _HEADER:
            raise ValueError(f"its header is {header}")
        return [(name, reason) for name, reason in rows]
    except (OSError, ValueError, csv.Error) as error:
        raise InputError(
            f"the store {folder} is damaged: {REJECTED} can't be read ({error}); "
            "remove the folder and prepare it again"
        ) from None


def check_share(store: FaceStore, most: float, setting: str) -> None:
    """InputError if a larger share than `most` of the files read for a store was rejected.

    The store is whole nevertheless. `setting` is what stands before the limit: `--max-rejected ` or
    `data.max_rejected=`.
    """
    rejected = store.manifest.rejected
    files = len(store) + rejected
    if rejected / files <= most:
        return
    raise InputError(
        f"{rejected} of {files} files were rejected ({rejected / files:.1%}), more than {setting}{most:g} "
        f"allows; most often: {_most_frequent(read_rejected(store.folder))}. The other {len(store)} are in "
        f"the store {store.folder}, which is whole, and its {REJECTED} names the rejected. If these may be "
        f"missing, take {setting}{_rounded_up(rejected, files)}"
    )


def _most_frequent(rejected: list[tuple[str, str]]) -> str:
    """The most frequent reasons, each by its first example: they may differ in numbers alone."""
    kinds = Counter(_kind(reason) for _, reason in rejected)
    examples = {_kind(reason): reason for _, reason in reversed(rejected)}
    return "; ".join(f"{count} x {examples[kind]}" for kind, count in kinds.most_common(_REASONS_TOLD))


def _kind(reason: str) -> str:
    return re.sub("[0-9]+", "N", reason)


def _rounded_up(rejected: int, files: int) -> float:
    """The share with two digits, such that it is enough."""
    return -(-100 * rejected // files) / 100
