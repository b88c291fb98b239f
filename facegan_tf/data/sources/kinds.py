"""The registry of sources. To add a kind: write its module, and list it in KINDS."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from facegan_tf.common.errors import InputError
from facegan_tf.common.paths import path_of
from facegan_tf.data.sources.base import Source
from facegan_tf.data.sources.drawn import SCHEME as DRAWN
from facegan_tf.data.sources.drawn import open_drawn
from facegan_tf.data.sources.find_shards import is_pattern, open_shards
from facegan_tf.data.sources.folder import open_folder
from facegan_tf.data.sources.hub import FORM as FORM_OF_HUB
from facegan_tf.data.sources.hub import SCHEME as HUB
from facegan_tf.data.sources.hub import open_hub
from facegan_tf.data.sources.several import join_sources
from facegan_tf.data.sources.zipped import open_zip


@dataclass(frozen=True)
class Kind:
    """One kind of source."""

    form: str
    """How users write such a source, for error messages."""
    open: Callable[..., Source | None]
    """Opens what the user wrote; None if it is not of this kind. Raises InputError if it can't be used."""
    scheme: str | None = None
    """Claims `scheme` and all that begins with `scheme:`, even if such a path exists; None: takes paths."""
    has_columns: bool = False
    """Whether `open` also takes the column that holds the photos."""


KINDS = (
    Kind(f"{DRAWN}[:N]", open_drawn, scheme=DRAWN),
    Kind(FORM_OF_HUB, open_hub, scheme=HUB, has_columns=True),
    Kind("tar, parquet or TFRecord files", open_shards, has_columns=True),
    Kind("a folder", open_folder),
    Kind("a zip", open_zip),
)
"""In the order in which they are tried."""


def has_scheme(source: str) -> bool:
    """Whether a source has a scheme, and so is not a path; `./synthetic` is a folder of that name."""
    return any(_claims(kind, source) for kind in KINDS)


def may_exist(source: str) -> bool:
    """Whether the source seems to exist: nothing is opened, and a pattern is assumed to match."""
    return has_scheme(source) or is_pattern(source) or path_of(source).exists()


def open_sources(sources: Sequence[str], column: str | None = None) -> Source:
    """Open one source, or several as one. Raises InputError if any of them can't be used."""
    return join_sources([(source, open_source(source, column)) for source in sources])


def open_source(source: str, column: str | None = None) -> Source:
    """Open photos of any kind, or `synthetic[:N]`. Raises InputError for anything else.

    column: the one that holds the photos, in a source with columns; None: found by its type.
    """
    for kind in KINDS:
        if kind.scheme is None or _claims(kind, source):
            opened = kind.open(source, column) if kind.has_columns else kind.open(source)
            if opened is None:
                continue
            if column is not None and not kind.has_columns:
                raise InputError("column", column, f"{source} has no columns; leave `column` out")
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
