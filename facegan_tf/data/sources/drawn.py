"""Faces drawn by our own code, for those who have no photos: `synthetic[:N]`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facegan_tf.common.errors import InputError
from facegan_tf.data.framing import FramedFace, Framing
from facegan_tf.data.sources.names import NumberedNames

SCHEME = "synthetic"
DEFAULT_COUNT = 5000
MAX_COUNT = 10_000_000
SEED = 0


@dataclass(frozen=True)
class DrawnSource:
    """`count` drawn faces, the same ones every time."""

    count: int
    can_crop = False

    @property
    def names(self) -> Sequence[str]:
        """One name for each face."""
        return NumberedNames(self.count, "face-{:07d}")

    @property
    def identity(self) -> dict[str, Any]:
        """Everything that the drawn faces depend on."""
        from facegan_tf.data.synthetic.faces import DRAWING_VERSION  # imports numpy

        return {"kind": SCHEME, "count": self.count, "seed": SEED, "drawing_version": DRAWING_VERSION}

    def keys(self) -> Sequence[str]:
        """The names of the faces."""
        return self.names

    def attributes(self) -> None:
        """None: `facegan_tf.data.synthetic` says what each face shows."""

    def faces(self, index: int, framing: Framing) -> list[FramedFace]:
        """Face `index`, drawn at the requested size."""
        from facegan_tf.data.synthetic.faces import draw_face  # imports numpy, which photos do not need

        return [FramedFace(draw_face(SEED, index, framing.size).tobytes())]

    def content(self, index: int) -> bytes:
        """Nothing: the identity covers it."""
        return b""

    def contains(self, path: Path) -> bool:
        """False: drawn faces are not in any folder."""
        return False


def open_drawn(source: str) -> DrawnSource:
    """Open `synthetic` or `synthetic:N`. Raises InputError for a wrong number of faces."""
    if source == SCHEME:
        return DrawnSource(DEFAULT_COUNT)
    digits = source.removeprefix(f"{SCHEME}:")
    if not re.fullmatch("[0-9]{1,9}", digits) or not 1 <= int(digits) <= MAX_COUNT:
        raise InputError(
            "source",
            source,
            f"the number of faces must be 1 to {MAX_COUNT}, as in {SCHEME}:{DEFAULT_COUNT} "
            f"(for a folder of this name, write ./{source})",
        )
    return DrawnSource(int(digits))
