"""Progress bars on stderr."""

import sys

from tqdm import tqdm


def progress(total: int, what: str, unit: str) -> "tqdm":
    """A progress bar for one part of a longer job; it appears after two seconds and disappears at the end."""
    interval = 0.1 if sys.stderr.isatty() else 10.0  # a log should have few lines
    return tqdm(
        total=total, desc=what, unit=unit, delay=2, leave=False, mininterval=interval, dynamic_ncols=True
    )
