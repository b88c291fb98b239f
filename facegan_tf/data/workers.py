"""Faces made by several processes, handed back in order.

The workers are interpreters of their own, talked to over `multiprocessing` connections. Forked ones would
not be safe in a process whose TensorFlow has started threads; those of `multiprocessing`'s spawn would run
the caller's main script again (seconds each if it imports TensorFlow, endless if it lacks a `__main__`
guard), and its Pool waits for ever for a worker that was killed. Here a dead worker is an end of file, and
so, to the workers, is a dead caller.
"""

import gc
import os
import subprocess
import sys
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, Pipe, wait
from pathlib import Path

import facegan_tf
from facegan_tf.common.errors import FaceganError, Rejected, in_short
from facegan_tf.config.crop import Crop
from facegan_tf.data.decode import decode_face, pillow_warnings
from facegan_tf.data.sources import Source, SyntheticSource

_CHUNK_BYTES = 2**20  # of pixels, and as many items at most: little memory, and few messages
_CHUNK_ITEMS = 32
_AHEAD = 2  # chunks a worker has at once: the next is there when one is done
_WINDOW = 4  # chunks a worker in flight or waiting for their turn: bounds memory


@dataclass(frozen=True)
class Job:
    """What is made of each item of a source; pickled once to each worker."""

    source: Source
    size: int
    crop: Crop


@dataclass(frozen=True)
class Chunk:
    """What items `start` to `stop` gave: the good ones' pixels joined, and (name, reason) of the others."""

    start: int
    stop: int
    pixels: bytes
    rejected: list[tuple[str, str]]


def make_chunk(job: Job, start: int, stop: int) -> Chunk:
    """Make the faces of items `start` to `stop` (exclusive) of the job's source."""
    faces: list[bytes] = []
    rejected: list[tuple[str, str]] = []
    with pillow_warnings():
        for index in range(start, stop):
            try:
                if isinstance(job.source, SyntheticSource):
                    faces.append(job.source.draw(index, job.size))
                else:
                    faces.append(decode_face(job.source.read(index), job.size, job.crop).tobytes())
            except Rejected as reason:
                rejected.append((job.source.names[index], str(reason)))
    return Chunk(start, stop, b"".join(faces), rejected)


@dataclass
class Schedule:
    """Which items come next: all of them, or until `limit` are good, and never one more than that."""

    items: int
    limit: int | None
    chunk: int
    start: int = 0
    promised: int = 0  # good ones so far, and all that are being made

    def take(self) -> range | None:
        """The next items to make; None if there are none, or none before others have come back."""
        wanted = self.items if self.limit is None else self.limit - self.promised
        items = range(self.start, self.start + min(self.chunk, wanted, self.items - self.start))
        self.start = items.stop
        self.promised += len(items)
        return items if items else None

    def came_back(self, chunk: Chunk) -> None:
        """Count a finished chunk: each rejected item lets another one be taken."""
        self.promised -= len(chunk.rejected)


def make_chunks(job: Job, limit: int | None, workers: int) -> Generator[Chunk, None, None]:
    """Yield the chunks of a job in order of their items, the same faces whatever the number of workers.

    Raises FaceganError if a worker dies. Closing the generator ends the workers.
    """
    chunk = max(1, min(_CHUNK_ITEMS, _CHUNK_BYTES // (job.size * job.size * 3)))
    items = len(job.source.names)
    schedule = Schedule(items, limit, chunk)
    workers = min(workers, -(-min(items, limit or items) // chunk))
    if workers > 1:
        with _Crew(job, workers) as crew:
            yield from crew.run(schedule)
        return
    while taken := schedule.take():
        made = make_chunk(job, taken.start, taken.stop)
        schedule.came_back(made)
        yield made


@dataclass
class _Worker:
    process: "subprocess.Popen[bytes]"
    connection: Connection
    tasks: list[range] = field(default_factory=list)  # handed out and not back yet, oldest first


class _Crew:
    """Worker processes and the chunks that they are making."""

    def __init__(self, job: Job, workers: int) -> None:
        self._names = job.source.names
        self._workers: list[_Worker] = []
        try:
            for _ in range(workers):
                self._workers.append(_start_worker())
            for worker in self._workers:
                worker.connection.send(job)
        except OSError as error:
            self.__exit__()
            raise FaceganError(f"a worker process can't be started ({error}); try --workers 1") from error

    def __enter__(self) -> "_Crew":
        return self

    def __exit__(self, *_: object) -> None:
        """End the workers, at once: they only read and compute, so nothing is lost."""
        for worker in self._workers:
            worker.process.kill()
        for worker in self._workers:
            worker.process.wait()
            worker.connection.close()

    def run(self, schedule: Schedule) -> Iterator[Chunk]:
        """Yield the schedule's chunks in order."""
        position = 0
        early: dict[int, Chunk] = {}  # done before one that comes earlier
        while True:
            self._hand_out(schedule, len(early))
            busy = [worker for worker in self._workers if worker.tasks]
            if not busy:
                return
            ready = wait([worker.connection for worker in busy])
            for worker in busy:
                if worker.connection in ready:
                    chunk = self._receive(worker)
                    schedule.came_back(chunk)
                    early[chunk.start] = chunk
            while position in early:
                chunk = early.pop(position)
                position = chunk.stop
                yield chunk

    def _hand_out(self, schedule: Schedule, early: int) -> None:
        room = _WINDOW * len(self._workers) - early - sum(len(worker.tasks) for worker in self._workers)
        for _ in range(room):
            worker = min(self._workers, key=lambda worker: len(worker.tasks))
            if len(worker.tasks) == _AHEAD or not (items := schedule.take()):
                return
            worker.tasks.append(items)
            try:
                worker.connection.send(items)
            except OSError:
                raise self._died(worker) from None

    def _receive(self, worker: _Worker) -> Chunk:
        try:
            chunk = worker.connection.recv()
        except (EOFError, OSError):
            raise self._died(worker) from None
        worker.tasks.pop(0)
        return chunk

    def _died(self, worker: _Worker) -> FaceganError:
        code, items = worker.process.wait(), worker.tasks[0]
        first, last = (in_short(self._names[item], 200) for item in (items.start, items.stop - 1))
        ending = f"signal {-code}" if code < 0 else f"exit code {code}"
        return FaceganError(
            f"a worker process ended ({ending}) between {first} and {last}; a file there may be to blame, "
            "or too little memory: try --workers 1"
        )


def _start_worker() -> _Worker:
    ours, theirs = Pipe()
    path = [str(Path(facegan_tf.__file__).parents[1]), *sys.path]
    code = f"import sys; sys.path[:] = {path!r}; from {__name__} import serve; serve({theirs.fileno()})"
    # -S: the path is known; looking for it anew takes a third of an interpreter's start.
    command = [sys.executable, "-S", "-c", code]
    with theirs:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
            start_new_session=True,  # Ctrl-C is for the main process alone, which then ends this one
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},  # else numpy starts a thread a core in each
        )
    return _Worker(process, ours)


def serve(descriptor: int) -> None:
    """A worker's life: receive the job, then make chunk after chunk until the caller is done or gone."""
    _silence_libraries()
    with Connection(descriptor) as connection:
        try:
            job: Job = connection.recv()
            _ = job.source.names  # read before the freeze
            gc.freeze()  # 200,000 names need not be searched for garbage again and again
            while True:
                items: range = connection.recv()
                connection.send(make_chunk(job, items.start, items.stop))
        except (EOFError, ConnectionError):
            return


def _silence_libraries() -> None:
    """Let only Python write to stderr: libtiff tells there what it thinks of files, without their names."""
    sys.stderr = os.fdopen(os.dup(2), "w", buffering=1, errors="backslashreplace")
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    os.close(nothing)
