"""The photos that could not be used: the table that lists them, and how many are too many."""

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from facegan_tf.common.errors import InputError
from facegan_tf.data.store import REJECTED, FaceStore

MAX_REJECTED = 0.5
"""Largest share of bad files, 0 to 1: with more, the source is probably not the one that was meant."""
_REASONS_LISTED = 3
NEAR_DUPLICATE = "a near-duplicate of"
"""How the reason begins if a good photo was dropped because of `dedupe`."""
HEADER = ["name", "reason"]
"""First row of a store's table of what could not be used."""


def as_row(cells: Sequence[str]) -> bytes:
    """A row of a store's table of (name, reason), with the exact name."""
    text = io.StringIO(newline="")
    csv.writer(text).writerow(cells)
    return text.getvalue().encode("utf-8", "backslashreplace")  # a file's name may not be valid text


def read_rejected(folder: Path) -> list[tuple[str, str]]:
    """(name, reason) of each file in a store's table. Raises InputError if the table is damaged."""
    try:
        with (folder / REJECTED).open(encoding="utf-8", newline="") as file:
            header, *rows = csv.reader(file)
        if header != HEADER:
            raise ValueError(f"its header is {header}")
        return [(name, reason) for name, reason in rows]
    except (OSError, ValueError, csv.Error) as error:
        problem = f"this store is damaged: {REJECTED} can't be read ({error}); "
        raise InputError(None, folder, f"{problem}remove the folder, and prepare it again") from None


def check_share(store: FaceStore, max_rejected: float) -> None:
    """Raise InputError if more than a share of `max_rejected` (0 to 1) of the files read were bad.

    Near-duplicates are not bad. The store is complete all the same.
    """
    rejected, files = store.manifest.rejected, store.manifest.items_read
    if rejected / files <= max_rejected:
        return
    bad = [row for row in read_rejected(store.folder) if not row[1].startswith(NEAR_DUPLICATE)]
    rejected = len(bad)
    if rejected / files <= max_rejected:
        return
    raise InputError(
        "max_rejected",
        f"{max_rejected:g}",
        f"{rejected} of {files} files were rejected ({rejected / files:.1%}), which is more. "
        f"Most frequent reasons: {_most_frequent(bad)}. The store {store.folder} "
        f"is complete with the other {len(store)} images, and its {REJECTED} lists the rejected files. "
        f"To accept this, set `max_rejected` to {_rounded_up(rejected, files)}",
    )


def _most_frequent(rejected: list[tuple[str, str]]) -> str:
    listed = list(by_kind(rejected).items())[:_REASONS_LISTED]
    return "; ".join(f"{count} x {reason}" for reason, count in listed)


def by_kind(rejected: list[tuple[str, str]]) -> dict[str, int]:
    """The number of files rejected for each reason, the most frequent first.

    Reasons that differ only in numbers and names count as one, shown by the first example.
    """
    kinds = Counter(_kind(reason) for _, reason in rejected)
    examples = {_kind(reason): reason for _, reason in reversed(rejected)}
    return {examples[kind]: count for kind, count in kinds.most_common()}


def _kind(reason: str) -> str:
    return re.sub("[0-9]+", "N", re.sub("near-duplicate of .*:", "near-duplicate:", reason))


def _rounded_up(rejected: int, files: int) -> float:
    """The share with two digits, rounded up so that it is enough."""
    return -(-100 * rejected // files) / 100
