"""How much memory there is: the GPU's, this machine's, or that of the container around this process."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

CGROUPS = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")


@dataclass(frozen=True)
class Memory:
    """The memory of one place, in bytes."""

    place: str
    """Whose memory it is, such as `this machine`."""
    total: int
    """All the memory there is."""
    free: int
    """Memory that nothing uses now."""
    ours: int = 0
    """Memory that this process already uses. It can get at most `total` less this."""


def device_memory() -> Memory | None:
    """The memory of the device that TensorFlow computes on; None if TensorFlow doesn't say."""
    import tensorflow as tf  # slow, and `host_memory` doesn't need it

    if not tf.config.list_physical_devices("GPU"):
        return host_memory()
    try:
        from tensorflow.python.client import device_lib  # not part of TensorFlow's public interface

        devices = device_lib.list_local_devices()
    except (ImportError, RuntimeError, tf.errors.OpError):
        return None
    limits = [each.memory_limit for each in devices if each.device_type == "GPU"]
    # The limit is what TensorFlow may take of the first GPU; it already excludes what others use.
    return Memory("the GPU", limits[0], limits[0]) if limits else None


def host_memory() -> Memory:
    """The memory of this machine, or of the container (cgroup) if its limit is lower."""
    machine = psutil.virtual_memory()
    ours = psutil.Process().memory_info().rss
    memory = Memory("this machine", machine.total, machine.available, ours)
    for limit, used in _cgroup_limits():
        free = min(memory.free, max(limit - used, 0))
        if limit < memory.total:
            memory = Memory("this container", limit, free, ours)
        else:
            memory = Memory(memory.place, memory.total, free, ours)
    return memory


def _cgroup_limits() -> Iterator[tuple[int, int]]:
    """(limit, bytes in use) of each cgroup with a limit that this process is in; none outside Linux.

    A container often sees its own cgroup as the root, whatever path /proc names, so the root counts too.
    """
    try:
        lines = MEMBERSHIP.read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:  # version 2
            yield from _limits(CGROUPS, path, ("memory.max", "memory.current", "inactive_file"))
        elif "memory" in controllers.split(","):  # version 1
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
            yield from _limits(CGROUPS / "memory", path, names)


def _limits(root: Path, path: str, names: tuple[str, str, str]) -> Iterator[tuple[int, int]]:
    """The limits of the cgroup at `path` and of those above it.

    names: of the file with the limit, of the file with the usage, and of the cached files in `memory.stat`.
    """
    limit_file, used_file, cache = names
    place = root / path.lstrip("/")
    for folder in (place, *(parent for parent in place.parents if parent.is_relative_to(root))):
        with contextlib.suppress(OSError, ValueError):  # not there, or `max`: no limit
            limit = int((folder / limit_file).read_text())
            used = int((folder / used_file).read_text())
            yield limit, used - _cached(folder / "memory.stat", cache)


def _cached(statistics: Path, name: str) -> int:
    """Bytes of cached files that the kernel would drop if memory were needed."""
    with contextlib.suppress(OSError, ValueError):
        for line in statistics.read_text().splitlines():
            if line.startswith(f"{name} "):
                return int(line.split()[1])
    return 0
