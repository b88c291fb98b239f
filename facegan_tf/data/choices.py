"""How a store's faces are found and chosen, beyond a crop and a limit."""

import re
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from facegan_tf.common.errors import InputError

MOST_BITS = 32
"""Largest distance of near-duplicates. Unrelated faces are about 128 of 256 bits apart."""


@dataclass(frozen=True)
class Choices:
    """Choices for `prepare`. A store's manifest records those that differ from the defaults."""

    column: str | None = None
    """Column of the photos in a parquet file, or feature in a TFRecord; None: found by its type."""
    align: bool = False
    """Whether faces are found and aligned; otherwise each photo is one face."""
    faces: Literal["largest", "all"] = "largest"
    """Which faces of a photo are aligned."""
    outside: Literal["mirror", "reject"] = "mirror"
    """What happens to a face whose square extends beyond the photo's edge: mirrored there, or rejected."""
    attributes: str | None = None
    """Table of the photos' attributes, such as CelebA's `list_attr_celeba.txt`."""
    where: str | None = None
    """Expression that must be true of a photo's attributes."""
    dedupe: int | None = None
    """Largest distance, in bits of 256, at which a face is a near-duplicate of an earlier one and dropped."""
    part: str | None = None
    """`I/N`: the I-th of N parts of the source, each prepared on its own; None: all."""

    def recorded(self) -> dict[str, Any]:
        """The choices that are not the defaults."""
        defaults = {field.name: field.default for field in fields(Choices)}
        return {name: value for name, value in asdict(self).items() if value != defaults[name]}

    def check(self, limit: int | None) -> None:
        """Raise InputError for choices that can't be used, or can't be combined."""
        if self.dedupe is not None and not 0 <= self.dedupe <= MOST_BITS:
            raise InputError("dedupe", self.dedupe, f"must be 0 to {MOST_BITS} bits of 256")
        for name, words in (("faces", ("largest", "all")), ("outside", ("mirror", "reject"))):
            value = getattr(self, name)
            if value not in words:
                raise InputError(name, value, f"must be {' or '.join(words)}")
            if value != words[0] and not self.align:
                raise InputError(name, value, "needs `align`, which finds the faces")
        if self.attributes is not None and self.where is None:
            raise InputError("attributes", self.attributes, "needs `where`; to choose all photos, write true")
        if self.part is not None:
            self.part_of(1)
            for name, value in (("limit", limit), ("dedupe", self.dedupe)):
                if value is not None:
                    problem = "can't be used with `part`, because it needs the parts before it"
                    hint = "; give it to facegan join" if name == "dedupe" else ""
                    raise InputError(name, value, problem + hint)

    def part_of(self, items: int) -> range:
        """The items of a source with `items` items that belong to the part."""
        if self.part is None:
            return range(items)
        match = re.fullmatch(r"([0-9]{1,6})/([0-9]{1,6})", self.part)
        if not match or not 1 <= int(match[1]) <= int(match[2]):
            raise InputError("part", self.part, "must be I/N, the I-th of N parts, such as 1/4")
        part, parts = int(match[1]), int(match[2])
        return range((part - 1) * items // parts, part * items // parts)
