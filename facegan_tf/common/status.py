"""Status messages of a command: lines on stderr, so that stdout holds only results."""

import sys


def print_status(*lines: str) -> None:
    """Print lines to stderr at once."""
    print(*lines, sep="\n", file=sys.stderr, flush=True)
