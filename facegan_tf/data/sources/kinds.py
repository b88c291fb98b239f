"""The registry of sources. To add a kind: write its module, and list it in KINDS."""

from collections.abc import Callable
from dataclasses import dataclass

from facegan_tf.common.errors import InputError
from facegan_tf.data.sources.base import Source, path_of
from facegan_tf.data.sources.drawn import SCHEME as DRAWN
from facegan_tf.data.sources.drawn import open_drawn
from facegan_tf.data.sources.folder import open_folder
from facegan_tf.data.sources.zipped import open_zip


@dataclass(frozen=True)
class Kind:
    """One kind of source."""

    form: str
    """How users write such a source, for error messages."""
    open: Callable[[str], Source | None]
    """Opens what the user wrote; None if it is not of this kind. Raises InputError if it can't be used."""
    scheme: str | None = None
    """Claims `scheme` and all that begins with `scheme:`, even if there is such a path; None: paths."""


KINDS = (
    Kind(f"{DRAWN}[:N]", open_drawn, scheme=DRAWN),
    Kind("a folder", open_folder),
    Kind("a zip", open_zip),
)
"""In the order in which they are tried."""


def has_scheme(source: str) -> bool:
    """Whether a source is written by a scheme, not as a path; a folder of that name is `./synthetic`."""
    return any(_claims(kind, source) for kind in KINDS)


def open_source(source: str) -> Source:
    """Open a folder, a zip, or `synthetic[:N]`. Raises InputError for anything else."""
    for kind in KINDS:
        if kind.scheme is None or _claims(kind, source):
            opened = kind.open(source)
            if opened is not None:
                return opened
    path = path_of(source)
    if path.is_file():
        problem = "is a file of a kind that can't be used, or it is damaged"
    else:
        problem = "is neither a file nor a folder" if path.exists() else "does not exist"
    raise InputError("source", source, f"{problem}; give {_forms()}")


def _claims(kind: Kind, source: str) -> bool:
    return kind.scheme is not None and (source == kind.scheme or source.startswith(f"{kind.scheme}:"))


def _forms() -> str:
    *others, last = [kind.form for kind in KINDS]
    return f"{', '.join(others)} or {last}"
