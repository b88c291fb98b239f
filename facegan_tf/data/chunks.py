"""The work on a few items of a source, and the order in which items are taken."""

from dataclasses import dataclass, field
from typing import NamedTuple

from facegan_tf.common.errors import Rejected
from facegan_tf.data.decode import pillow_warnings
from facegan_tf.data.framing import FramedFace, Framing
from facegan_tf.data.sources.base import Source


@dataclass(frozen=True)
class Job:
    """What to make of each item of a source. It is pickled once for each worker process."""

    source: Source
    framing: Framing
    hashed: bool = False
    """Whether to compute the perceptual hash of each face."""


class Outcome(NamedTuple):
    """The outcome of one item."""

    content: bytes
    """Its digest, as `Source.content` gives it."""
    faces: list[FramedFace]
    reason: str = ""
    """Why it can't be used, if it has no faces."""
    tile: bytes | None = None
    """A small picture that shows why (JPEG)."""
    hashes: tuple[bytes, ...] = ()
    """Perceptual hash of each face, if asked for."""


@dataclass(frozen=True)
class Chunk:
    """The outcomes of items `start` to `stop` (exclusive)."""

    start: int
    stop: int
    outcomes: list[Outcome] = field(default_factory=list)

    @property
    def bad(self) -> int:
        """How many items can't be used."""
        return sum(not outcome.faces for outcome in self.outcomes)

    @property
    def faces(self) -> int:
        """How many faces there are in all items."""
        return sum(len(outcome.faces) for outcome in self.outcomes)


def make_chunk(job: Job, start: int, stop: int) -> Chunk:
    """Make the faces of items `start` to `stop` (exclusive) of the job's source."""
    with pillow_warnings():
        return Chunk(start, stop, [_outcome(job, index) for index in range(start, stop)])


def _outcome(job: Job, index: int) -> Outcome:
    content = job.source.content(index)
    try:
        faces = job.source.faces(index, job.framing)
    except Rejected as reason:
        return Outcome(content, [], str(reason), getattr(reason, "tile", None))
    if not job.hashed:
        return Outcome(content, faces)
    from facegan_tf.data.duplicates import perceptual_hash  # other workers need no numpy

    size = job.framing.size
    return Outcome(content, faces, hashes=tuple(perceptual_hash(face.pixels, size) for face in faces))


@dataclass
class ChunkQueue:
    """Hands out items in chunks, until all are taken or there are `limit` faces.

    An item in progress counts as one face, so items are taken needlessly only where others have several.
    """

    items: int
    """The end of the items (exclusive)."""
    limit: int | None
    chunk: int
    """Largest number of items in a chunk."""
    start: int = 0
    """The next item."""
    promised: int = 0
    """Faces so far, plus one for each item in progress."""

    def take(self) -> range | None:
        """The next items; None at the end, or while items in progress may turn out to be enough."""
        wanted = self.items if self.limit is None else max(0, self.limit - self.promised)
        items = range(self.start, self.start + min(self.chunk, wanted, self.items - self.start))
        self.start = items.stop
        self.promised += len(items)
        return items if items else None

    def finished(self, chunk: Chunk) -> None:
        """Count the faces of a finished chunk: each bad item allows one more to be taken."""
        self.promised += chunk.faces - len(chunk.outcomes)

    def dropped(self, faces: int) -> None:
        """Count faces that were dropped after all, as near-duplicates."""
        self.promised -= faces
