"""Progress bars of long work, on stderr."""

import sys

from tqdm import tqdm


def progress(total: int, what: str, unit: str) -> "tqdm":
    """A bar for one part of a longer work: shown if it takes more than two seconds, gone when it is done."""
    interval = 0.1 if sys.stderr.isatty() else 10.0  # a log wants few lines
    return tqdm(
        total=total, desc=what, unit=unit, delay=2, leave=False, mininterval=interval, dynamic_ncols=True
    )
