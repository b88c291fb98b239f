"""What this machine's processor can do."""

from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")


def processor_flags() -> frozenset[str]:
    """The features of this CPU, by the names that Linux uses, such as `avx2`; empty outside Linux."""
    try:
        text = CPUINFO.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return frozenset()
    lines = (line.split() for line in text.splitlines() if line.startswith(("flags", "Features")))
    return frozenset(next(lines, []))
