"""A source of photos -> a store of faces: the work of `facegan prepare`."""

import datetime
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypedDict, Unpack

from tqdm import tqdm

from facegan_tf.common.cores import available_cores
from facegan_tf.common.errors import FaceganError, InputError, in_short
from facegan_tf.common.files import atomic_folder
from facegan_tf.common.versions import versions
from facegan_tf.data.chunks import Chunk, Job
from facegan_tf.data.manifest import is_store
from facegan_tf.data.rejected import MAX_REJECTED, check_share, write_rejected
from facegan_tf.data.request import Request, as_bytes, check_request, check_room, differences
from facegan_tf.data.same_photos import ContentDigest, remember_source
from facegan_tf.data.sources import Source
from facegan_tf.data.store import REJECTED, FaceStore, StoreWriter
from facegan_tf.data.workers import make_chunks, usable_workers

FILTER = "lanczos"


class Options(TypedDict, total=False):
    """More parameters of `prepare`."""

    workers: int | None
    """Number of processes; None: one for each core. The pixels don't depend on it."""
    max_rejected: float
    """Largest share of bad files, 0 to 1, that is not an error."""


class StoreNotWrittenError(FaceganError):
    """Writing a store failed, for instance because the disk is full."""


def prepare(
    source: str | Path,
    out: str | Path,
    size: int,
    crop: str = "square",
    limit: int | None = None,
    **options: Unpack[Options],
) -> FaceStore:
    """Make the store `out` of `size` x `size` faces (8 to 1024 pixels), and return it.

    source: a folder, a zip, or `synthetic[:N]`. crop: `square`, `center:N` or `box:L,T,R,B`, in pixels of
    the photo. limit: keep only the first `limit` good images by name, and read no more than that takes.
    workers: number of processes (default: one for each core); the pixels don't depend on it. max_rejected:
    largest share of bad files, 0 to 1 (default 0.5).

    The store's rejected.csv lists the bad files with the reasons. Messages and a progress bar go to stderr.
    If `out` is already the store of this request, it is only opened.

    Raises InputError for parameters that can't be used, before any work, and if no image is good;
    FaceganError if the work fails. There is no store then, as there is none after Ctrl-C. The store is
    complete where InputError says that more than `max_rejected` of the files are bad.

    >>> store = prepare("synthetic:10", "faces", size=64)
    >>> len(store), store.gather([0, 1]).shape
    (10, (2, 64, 64, 3))
    """
    workers, max_rejected = _checked(**options)
    out = Path(out)
    request = Request(str(source), size, crop, limit)
    opened, parsed_crop = check_request(request)
    if store := _existing_store(out, request, opened):
        _print(f"{out} already exists: {len(store)} faces, fingerprint {store.fingerprint[:12]}")
    else:
        check_room(out, opened, request)
        store = _make(out, request, Job(opened, size, parsed_crop), usable_workers(workers))
    check_share(store, max_rejected)
    return store


def _checked(workers: int | None = None, max_rejected: float = MAX_REJECTED) -> tuple[int, float]:
    if workers is not None and workers < 1:
        raise InputError("workers", workers, "must be 1 or more")
    if not 0 <= max_rejected <= 1:
        raise InputError("max_rejected", max_rejected, "must be 0 to 1: it is a share of the files")
    return workers or available_cores(), max_rejected


def _make(out: Path, request: Request, job: Job, workers: int) -> FaceStore:
    """Make the store of a request that has been checked."""
    processes = "1 process" if workers == 1 else f"{workers} processes"
    _print(
        f"preparing {request.source} at {request.size}x{request.size}, crop {request.crop}, "
        f"in {out}, with {processes}"
    )
    started = time.perf_counter()
    with _writing(out) as folder:
        writer, outcome = StoreWriter(folder, request.size), _Outcome()
        with closing(writer):
            _fill(writer, outcome, job, request.limit, workers)
        if not writer.count:
            raise _no_good_image(request, outcome.rejected)
        write_rejected(folder, outcome.rejected)
        writer.finish(
            rejected=len(outcome.rejected),
            notes=dict(outcome.notes),
            **_origin(request, job.source, outcome.content),
        )
    store = FaceStore.open(out)
    _print(_summary(store, time.perf_counter() - started))
    return store


def _print(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _existing_store(out: Path, request: Request, source: Source) -> FaceStore | None:
    """The store at `out`, if it is of this request. Raises InputError if anything else is there."""
    if not os.path.lexists(out) or (out.is_dir() and not any(out.iterdir())):
        return None
    if not is_store(out):
        kind = "is a folder that has other files in it" if out.is_dir() else "is not a folder"
        raise InputError("out", out, f"{kind}; choose another path (nothing there was changed)")
    store = FaceStore.open(out)
    if found := differences(store.manifest, request, source):
        raise InputError(
            "out",
            out,
            f"is a store with other settings: {'; '.join(found)}; choose another `out`, or remove it",
        )
    remember_source(out, store.manifest, source)
    return store


@contextmanager
def _writing(out: Path) -> Iterator[Path]:
    """A folder that becomes `out` if the block succeeds. Raises StoreNotWrittenError if writing fails."""
    try:
        with atomic_folder(out) as folder:
            yield folder
            if out.is_dir():
                out.rmdir()  # an empty folder may be there; a filled one makes this fail
    except OSError as error:
        raise StoreNotWrittenError(f"the store {out} can't be written: {error.strerror or error}") from error


@dataclass
class _Outcome:
    """What was found in the photos, besides pixels."""

    rejected: list[tuple[str, str]] = field(default_factory=list)
    notes: Counter[str] = field(default_factory=Counter)
    content: ContentDigest = field(default_factory=ContentDigest)

    def add(self, chunk: Chunk, names: tuple[str, ...]) -> None:
        self.rejected += chunk.rejected
        self.notes.update(chunk.notes)
        self.content.add(names, chunk.contents)


def _fill(writer: StoreWriter, outcome: _Outcome, job: Job, limit: int | None, workers: int) -> None:
    """Write all faces of the job, with a progress bar, and record the outcome."""
    names = job.source.names
    wanted = min(len(names), limit or len(names))
    interval = 0.1 if sys.stderr.isatty() else 5.0  # a log wants few lines
    with (
        tqdm(total=wanted, unit=" images", file=sys.stderr, mininterval=interval) as bar,
        closing(make_chunks(job, limit, workers)) as chunks,
    ):
        for chunk in chunks:
            writer.append(chunk.pixels)
            outcome.add(chunk, names[chunk.start : chunk.stop])
            if chunk.rejected:
                bar.total = min(wanted, len(names) - len(outcome.rejected))
                bar.set_postfix(rejected=len(outcome.rejected), refresh=False)
            bar.update(chunk.stop - chunk.start - len(chunk.rejected))


def _no_good_image(request: Request, rejected: list[tuple[str, str]]) -> InputError:
    examples = "; ".join(f"{in_short(name, 200)}: {reason}" for name, reason in rejected[:3])
    return InputError(
        "source",
        request.source,
        f"none of its {len(rejected)} files is an image that can be used "
        f"({examples}{'; ...' if len(rejected) > 3 else ''}); no store was written",
    )


def _origin(request: Request, source: Source, content: ContentDigest) -> dict[str, Any]:
    """The manifest's fields that say where the faces come from."""
    return {
        "crop": request.crop,
        "filter": FILTER,
        "source": request.source,
        "source_identity": source.identity | {"content": content.hexdigest()},
        "limit": request.limit,
        "versions": versions("numpy", "pillow"),
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def _summary(store: FaceStore, seconds: float) -> str:
    manifest = store.manifest
    on_disk = sum(file.stat().st_size for file in store.folder.iterdir())
    lines = [
        f"{store.folder}: {len(store)} faces, {as_bytes(on_disk)} on disk, in {seconds:.1f} s "
        f"({len(store) / seconds:.0f} images/s), fingerprint {store.fingerprint[:12]}",
        f"{manifest.rejected} files rejected, listed in {store.folder / REJECTED}",
        *(f"{count} images used with a note: {note}" for note, count in manifest.notes.items()),
    ]
    return "\n".join(lines)
