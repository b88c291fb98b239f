"""What a command says while it works: lines on stderr, so that results have stdout to themselves."""

import sys


def print_status(*lines: str) -> None:
    """Print lines to stderr at once."""
    print(*lines, sep="\n", file=sys.stderr, flush=True)
