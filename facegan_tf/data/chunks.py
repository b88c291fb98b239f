"""The work on a few items of a source, and the order in which items are taken."""

from dataclasses import dataclass, field

from facegan_tf.common.errors import Rejected
from facegan_tf.config.crop import Crop
from facegan_tf.data.decode import pillow_warnings
from facegan_tf.data.sources.base import Source


@dataclass(frozen=True)
class Job:
    """What to make of each item of a source. It is pickled once to each worker process."""

    source: Source
    size: int
    crop: Crop


@dataclass(frozen=True)
class Chunk:
    """The result for items `start` to `stop` (exclusive)."""

    start: int
    stop: int
    pixels: bytes
    """All good faces, one after the other."""
    rejected: list[tuple[str, str]]
    """(name, reason) of each item that can't be used."""
    contents: list[bytes] = field(default_factory=list)
    """Digests of all items, as `Source.content` gives them."""
    notes: list[str] = field(default_factory=list)
    """The notes of all faces that have one."""


def make_chunk(job: Job, start: int, stop: int) -> Chunk:
    """Make the faces of items `start` to `stop` (exclusive) of the job's source."""
    faces: list[bytes] = []
    rejected: list[tuple[str, str]] = []
    contents: list[bytes] = []
    notes: list[str] = []
    with pillow_warnings():
        for index in range(start, stop):
            contents.append(job.source.content(index))
            try:
                face = job.source.face(index, job.size, job.crop)
            except Rejected as reason:
                rejected.append((job.source.names[index], str(reason)))
                continue
            faces.append(face.pixels)
            if face.note:
                notes.append(face.note)
    return Chunk(start, stop, b"".join(faces), rejected, contents, notes)


@dataclass
class Schedule:
    """Which items come next: all of them, or until `limit` are good, and never one more than that."""

    items: int
    limit: int | None
    chunk: int
    """Most items in a chunk."""
    start: int = 0
    """The next item."""
    promised: int = 0
    """Good items so far, plus all that are in work."""

    def take(self) -> range | None:
        """The next items; None at the end, or if it depends on items in work whether more are needed."""
        wanted = self.items if self.limit is None else self.limit - self.promised
        items = range(self.start, self.start + min(self.chunk, wanted, self.items - self.start))
        self.start = items.stop
        self.promised += len(items)
        return items if items else None

    def finished(self, chunk: Chunk) -> None:
        """Count a finished chunk: each rejected item allows one more to be taken."""
        self.promised -= len(chunk.rejected)
