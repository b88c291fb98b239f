"""Paths that users write."""

from pathlib import Path


def path_of(written: str | Path) -> Path:
    """The path that a user wrote, with `~` replaced where that is possible."""
    try:
        return Path(written).expanduser()
    except RuntimeError:  # no home folder, or no user of that name
        return Path(written)
