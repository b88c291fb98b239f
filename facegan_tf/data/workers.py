"""Faces made by several processes, yielded in order.

The workers are separate interpreters, connected by `multiprocessing` connections. Forked workers would not be
safe in a process whose TensorFlow has started threads. Those of `multiprocessing`'s spawn would run the
caller's main script again (seconds each if it imports TensorFlow, endlessly if it lacks a `__main__` guard),
and its Pool waits forever for a worker that was killed. Here, a dead worker looks like an end of file to the
caller, and a dead caller looks like one to the workers.
"""

import gc
import os
import subprocess
import sys
import traceback
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, Pipe, wait
from pathlib import Path
from typing import TextIO

import facegan_tf
from facegan_tf.common.errors import FaceganError, in_short
from facegan_tf.data.chunks import Chunk, ChunkQueue, Job, make_chunk
from facegan_tf.data.framing import Framing

_CHUNK_BYTES = 2**20  # most pixels in a chunk, in bytes; small chunks take little memory
_CHUNK_ITEMS = 32
_SLOW_ITEMS = 8
_AHEAD = 2  # chunks that a worker has at a time, so that the next is there when one is done
_WINDOW = 4  # chunks for each worker, in progress or waiting for their turn; bounds the memory

WORKERS_SUPPORTED = os.name == "posix"
"""Whether there can be worker processes: they inherit a file descriptor, which Windows does not have."""


def usable_workers(workers: int) -> int:
    """The number of processes to use if `workers` are asked for: 1, with a message, where more can't run."""
    if workers > 1 and not WORKERS_SUPPORTED:
        print("several processes need Linux or macOS; this uses one, which is slower", file=sys.stderr)
        return 1
    return workers


def chunk_items(size: int, framing: Framing) -> int:
    """Largest number of items in a chunk, for faces of `size` pixels; few if each item takes long."""
    most = _SLOW_ITEMS if framing.needs_worker else _CHUNK_ITEMS
    return max(1, min(most, _CHUNK_BYTES // (size * size * 3)))


def make_chunks(job: Job, queue: ChunkQueue, workers: int) -> Generator[Chunk, None, None]:
    """Yield the chunks of a job in the order of their items. The faces don't depend on `workers`.

    Raises FaceganError if a worker dies. Closing the generator ends the workers.
    """
    items = queue.items - queue.start
    most = min(items, items if queue.limit is None else queue.limit)
    workers = min(workers, -(-most // queue.chunk))
    # Finding faces needs TensorFlow, which uses one thread in a worker, but all cores in the caller.
    if workers > 1 or (job.framing.needs_worker and WORKERS_SUPPORTED):
        with _Crew(job, max(workers, 1)) as crew:
            yield from crew.run(queue)
        return
    while taken := queue.take():
        made = make_chunk(job, taken.start, taken.stop)
        queue.finished(made)
        yield made


@dataclass
class _Worker:
    process: "subprocess.Popen[bytes]"
    connection: Connection
    tasks: list[range] = field(default_factory=list)
    """Items that it was given and has not yet returned, oldest first."""


class _Crew:
    """Worker processes, and the chunks that they are making."""

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
        """Kill the workers: they only read and compute, so nothing is lost."""
        for worker in self._workers:
            worker.process.kill()
        for worker in self._workers:
            worker.process.wait()
            worker.connection.close()

    def run(self, queue: ChunkQueue) -> Iterator[Chunk]:
        """Yield the chunks of the queue in order."""
        position = queue.start
        early: dict[int, Chunk] = {}  # finished chunks that wait for an earlier one
        while True:
            self._hand_out(queue, len(early))
            busy = [worker for worker in self._workers if worker.tasks]
            if not busy:
                return
            ready = wait([worker.connection for worker in busy])
            for worker in busy:
                if worker.connection in ready:
                    chunk = self._receive(worker)
                    queue.finished(chunk)
                    early[chunk.start] = chunk
            while position in early:
                chunk = early.pop(position)
                position = chunk.stop
                yield chunk

    def _hand_out(self, queue: ChunkQueue, early: int) -> None:
        room = _WINDOW * len(self._workers) - early - sum(len(worker.tasks) for worker in self._workers)
        for _ in range(room):
            worker = min(self._workers, key=lambda worker: len(worker.tasks))
            if len(worker.tasks) == _AHEAD or not (items := queue.take()):
                return
            worker.tasks.append(items)
            try:
                worker.connection.send(items)
            except OSError:
                raise self._death_of(worker) from None

    def _receive(self, worker: _Worker) -> Chunk:
        try:
            chunk = worker.connection.recv()
        except (EOFError, OSError):
            raise self._death_of(worker) from None
        worker.tasks.pop(0)
        return chunk

    def _death_of(self, worker: _Worker) -> FaceganError:
        code, items = worker.process.wait(), worker.tasks[0]
        first, last = (in_short(self._names[item], 200) for item in (items.start, items.stop - 1))
        ending = f"signal {-code}" if code < 0 else f"exit code {code}"
        return FaceganError(
            f"a worker process died ({ending}) between {first} and {last}; one of these files may be the "
            "cause, or too little memory: try --workers 1"
        )


def _start_worker() -> _Worker:
    ours, theirs = Pipe()
    path = [str(Path(facegan_tf.__file__).parents[1]), *sys.path]
    code = f"import sys; sys.path[:] = {path!r}; from {__name__} import serve; serve({theirs.fileno()})"
    # -S: the path is known, and finding it again takes a third of an interpreter's start.
    command = [sys.executable, "-S", "-c", code]
    # One thread each for numpy and TensorFlow, or the workers would get in each other's way.
    threads = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
    settings = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"} | dict.fromkeys(threads, "1")
    with theirs:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
            start_new_session=True,  # Ctrl-C is for the main process alone, which then ends this one
            env={**os.environ, **settings},
        )
    return _Worker(process, ours)


def serve(descriptor: int) -> None:
    """Run a worker: receive the job, then make chunk after chunk until the caller is done or dead."""
    stderr = _silence_libraries()
    try:
        with Connection(descriptor) as connection:
            job: Job = connection.recv()
            _ = job.source.names  # read before the freeze
            gc.freeze()  # so that 200,000 names are not searched for garbage again and again
            while True:
                items: range = connection.recv()
                connection.send(make_chunk(job, items.start, items.stop))
    except (EOFError, ConnectionError):
        return
    except Exception:
        traceback.print_exc(file=stderr)
        sys.exit(1)


def _silence_libraries() -> TextIO:
    """Discard what is written to stderr from now on, and return the real one.

    Libraries report there what they think of damaged files, without the files' names.
    """
    stderr = os.fdopen(os.dup(2), "w", buffering=1, errors="backslashreplace")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    return stderr
