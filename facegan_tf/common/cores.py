"""The number of cores to use."""

import os


def available_cores() -> int:
    """Number of cores that this process may use; in a container it can be fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
