"""Versions of packages, for manifests and records."""

import platform
from importlib import metadata


def versions(*packages: str) -> dict[str, str]:
    """Versions of Python, facegan_tf and the given packages; `unknown` for those not installed."""
    return {"python": platform.python_version()} | {
        name: _version(name) for name in ("facegan_tf", *packages)
    }


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:  # run from a checkout
        return "unknown"
