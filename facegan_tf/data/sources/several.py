"""Several sources as one, in the order given."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from facegan_tf.common.errors import InputError
from facegan_tf.data.framing import FramedFace, Framing
from facegan_tf.data.sources.base import MAY_DIFFER, Source
from facegan_tf.data.sources.columns import stacked
from facegan_tf.data.sources.names import ChainedNames, PartIndex


class SeveralSources:
    """The items of all sources, named after their source: `photos.zip: a.jpg`."""

    def __init__(self, given: Sequence[tuple[str, Source]]) -> None:
        """given: what the user wrote, and the source opened for it."""
        self._given = given
        self._sources = [source for _, source in given]
        self.can_crop = all(source.can_crop for source in self._sources)

    @cached_property
    def names(self) -> Sequence[str]:
        """One name for each item."""
        return ChainedNames([(f"{written}: ", source.names) for written, source in self._given])

    def keys(self) -> Sequence[str]:
        """The name of each item in its own source."""
        return ChainedNames([("", source.keys()) for source in self._sources])

    def attributes(self) -> dict[str, Any] | None:
        """The columns that all sources have, or None."""
        tables = [source.attributes() or {} for source in self._sources]
        return stacked(tables, [len(source.names) for source in self._sources])

    @cached_property
    def _part_index(self) -> PartIndex:
        return PartIndex([len(source.names) for source in self._sources])

    @cached_property
    def identity(self) -> dict[str, Any]:
        """The identities of all sources."""
        each = [source.identity for source in self._sources]
        return {
            "kind": "several",
            "sources": [{key: one[key] for key in one if key not in MAY_DIFFER} for one in each],
        } | {key: [one.get(key) for one in each] for key in MAY_DIFFER}

    def faces(self, index: int, framing: Framing) -> list[FramedFace]:
        """The faces in item `names[index]`. Raises Rejected if it can't be used."""
        source, inside = self._part_index.of(index)
        return self._sources[source].faces(inside, framing)

    def content(self, index: int) -> bytes:
        """The digest of an item, from its own source."""
        source, inside = self._part_index.of(index)
        return self._sources[source].content(inside)

    def contains(self, path: Path) -> bool:
        """Whether a file written to `path` would become part of one of the sources."""
        return any(source.contains(path) for source in self._sources)


def join_sources(given: Sequence[tuple[str, Source]]) -> Source:
    """The source, if there is only one, or all of them as one. Raises InputError if there are none."""
    if not given:
        raise InputError("source", None, "must name at least one source")
    return given[0][1] if len(given) == 1 else SeveralSources(given)
