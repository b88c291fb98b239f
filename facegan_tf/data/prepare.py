"""A source of photos -> a store of faces: the work of `facegan prepare`."""

import datetime
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Literal, TypedDict, Unpack

from tqdm import tqdm

from facegan_tf.common.cores import available_cores
from facegan_tf.common.errors import FaceganError, InputError, in_short
from facegan_tf.data.attributes.stored import write_attributes
from facegan_tf.data.choices import Choices
from facegan_tf.data.chunks import ChunkQueue, Job
from facegan_tf.data.draft import Draft, saved_faces
from facegan_tf.data.manifest import is_store
from facegan_tf.data.rejected import MAX_REJECTED, check_share, read_rejected
from facegan_tf.data.request import (
    Request,
    as_bytes,
    check_request,
    check_room,
    differences,
    made_from,
    versions_of,
)
from facegan_tf.data.same_photos import ContentDigest, remember_source
from facegan_tf.data.sources import Source
from facegan_tf.data.store import REJECTED, FaceStore
from facegan_tf.data.unfinished import unfinished_folder, unfinished_path
from facegan_tf.data.workers import chunk_items, make_chunks, usable_workers

FILTER = "lanczos"
SAVE_SECONDS = 10
"""Time between saves of a store's draft; a kill costs about this much work."""


class Options(TypedDict, total=False):
    """More parameters of `prepare`: its own, and those of `Choices`."""

    workers: int | None
    """Number of processes; None: one for each core. The pixels don't depend on it."""
    max_rejected: float
    """Largest share of bad files, 0 to 1, that is not an error."""
    column: str | None
    align: bool
    faces: Literal["largest", "all"]
    outside: Literal["mirror", "reject"]
    attributes: str | None
    where: str | None
    dedupe: int | None
    part: str | None


class StoreNotWrittenError(FaceganError):
    """Writing a store failed, for instance because the disk is full."""


def prepare(
    source: str | Path | Sequence[str | Path],
    out: str | Path,
    size: int,
    crop: str = "square",
    limit: int | None = None,
    **options: Unpack[Options],
) -> FaceStore:
    """Make the store `out` of `size` x `size` faces (8 to 1024 pixels), and return it.

    source: a folder, a zip, tar, parquet or TFRecord files, a data set on the Hub, `synthetic[:N]`, or
    several of these. crop: `square`, `center:N` or `box:L,T,R,B`, in pixels of the photo, or of CelebA's
    178x218 for aligned faces. limit: keep only the first `limit` good images by name, and read no more than
    that takes. workers: number of processes (default: one for each core); the pixels don't depend on it.
    max_rejected: largest share of bad files, 0 to 1 (default 0.5). For the other options, see `Choices`.

    The store's rejected.csv lists the bad files with the reasons. Messages and a progress bar go to stderr.
    If `out` is already the store of this request, it is only opened.

    Raises InputError for parameters that can't be used, before any work, and if no image is good;
    FaceganError if the work fails. There is no store then, nor after Ctrl-C, but the work done so far
    is kept beside `out`, and the next call with the same parameters continues from there. If InputError
    says that more than `max_rejected` of the files are bad, the store is complete all the same.

    >>> store = prepare("synthetic:10", "faces", size=64)
    >>> len(store), store.gather([0, 1]).shape
    (10, (2, 64, 64, 3))
    """
    workers, max_rejected, choices = _checked(**options)
    out = Path(out)
    sources = [source] if isinstance(source, (str, Path)) else source
    request = Request(tuple(map(str, sources)), size, crop, limit, choices)
    opened, framing = check_request(request)
    if store := _existing_store(out, request, opened):
        _print(f"{out} already exists: {len(store)} faces, fingerprint {store.fingerprint[:12]}")
    else:
        check_room(out, opened, request)
        job = Job(opened, framing, hashed=request.choices.dedupe is not None)
        store = _make(out, request, job, usable_workers(workers))
    check_share(store, max_rejected)
    return store


def _checked(
    workers: int | None = None, max_rejected: float = MAX_REJECTED, **choices: Any
) -> tuple[int, float, Choices]:
    if workers is not None and workers < 1:
        raise InputError("workers", workers, "must be 1 or more")
    if not 0 <= max_rejected <= 1:
        raise InputError("max_rejected", max_rejected, "must be 0 to 1: it is a share of the files")
    return workers or available_cores(), max_rejected, Choices(**choices)


def _make(out: Path, request: Request, job: Job, workers: int) -> FaceStore:
    """Make the store of a request that has been checked."""
    processes = "1 process" if workers == 1 else f"{workers} processes"
    _print(
        f"preparing {request.source} at {request.size}x{request.size}, crop {request.crop}, "
        f"in {out}, with {processes}"
    )
    started = time.perf_counter()
    with _writing(out) as folder:
        items = request.choices.part_of(len(job.source.names))
        draft = Draft(folder, request.size, made_from(request, job.source), items.start)
        with closing(draft.faces):
            _fill(draft, job, request, items.stop, workers)
        if not draft.faces.count:
            raise _no_good_image(request, draft)
        _finish(draft, request, job.source, items)
    store = FaceStore.open(out)
    _print(_summary(store, time.perf_counter() - started))
    return store


def _finish(draft: Draft, request: Request, source: Source, items: range) -> None:
    """Turn a draft into a store."""
    draft.preview.save(draft.folder)
    if (columns := source.attributes()) and (
        left_out := write_attributes(draft.folder, columns, draft.items)
    ):
        _print(f"attributes with long text are not kept: {', '.join(left_out)}")
    read = draft.done - items.start
    draft.finish(
        keep_contents=request.choices.part is not None,
        rejected=draft.rejected,
        notes=dict(draft.notes),
        choices=request.choices.recorded(),
        items=None if read == draft.faces.count + draft.rejected else read,
        **_origin(request, source, draft.content),
    )


def _print(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _existing_store(out: Path, request: Request, source: Source) -> FaceStore | None:
    """The store at `out`, if it was made from this request. Raises InputError if anything else is there."""
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
    folder = None
    try:
        with unfinished_folder(out, lambda draft: saved_faces(draft) > 0) as folder:
            if folder != unfinished_path(out):
                _print(
                    "note: nothing is kept if this is interrupted: another process is preparing the same "
                    "store, or there are no file locks here"
                )
            yield folder
    except OSError as error:
        raise StoreNotWrittenError(f"the store {out} can't be written: {error.strerror or error}") from error
    finally:
        if folder and (faces := saved_faces(folder)):
            _print(f"{faces} faces are kept; the same command continues from there")


def _fill(draft: Draft, job: Job, request: Request, stop: int, workers: int) -> None:
    """Add the items up to `stop` to the draft, with a progress bar, and save it every few seconds."""
    names, limit, most_bits = job.source.names, request.limit, request.choices.dedupe
    chunk = chunk_items(request.size, job.framing)
    queue = ChunkQueue(stop, limit, chunk, start=draft.done, promised=draft.faces.count)
    if draft.faces.count:
        _print(f"continuing after {draft.faces.count} faces from an interrupted run")
    wanted = min(stop - draft.done + draft.faces.count, limit or stop)
    interval = 0.1 if sys.stderr.isatty() else 5.0  # a log should have few lines
    saved = time.monotonic()
    with (
        tqdm(
            total=wanted, initial=draft.faces.count, unit=" images", file=sys.stderr, mininterval=interval
        ) as bar,
        closing(make_chunks(job, queue, workers)) as chunks,
    ):
        try:
            for made in chunks:
                before = draft.faces.count
                queue.dropped(draft.add(made, names, limit, most_bits))
                bar.total = max(min(wanted, (bar.total or 0) - made.bad), draft.faces.count)
                bar.set_postfix(rejected=draft.rejected, refresh=False)
                bar.update(draft.faces.count - before)
                if time.monotonic() - saved > SAVE_SECONDS:
                    draft.save()
                    saved = time.monotonic()
                if draft.faces.count == limit:
                    break  # where photos have several faces, more may be in progress
        except (KeyboardInterrupt, FaceganError):
            if draft.faces.count and not draft.busy:
                draft.save()
            raise


def _no_good_image(request: Request, draft: Draft) -> InputError:
    draft.save()
    rejected = read_rejected(draft.folder)
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
        "versions": versions_of(request),
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
