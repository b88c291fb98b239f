"""A source of photos -> a store of faces: the work behind `facegan prepare`."""

import datetime
import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from facegan_tf.common.cores import available_cores
from facegan_tf.common.errors import FaceganError, InputError, in_short
from facegan_tf.common.files import atomic_folder, writable_parent
from facegan_tf.common.versions import versions
from facegan_tf.config.crop import Crop, parse_crop
from facegan_tf.data.rejected import MAX_REJECTED, check_share, write_rejected
from facegan_tf.data.sources import Source, SyntheticSource, open_source
from facegan_tf.data.store import REJECTED, FaceStore, Manifest, StoreWriter, is_store
from facegan_tf.data.workers import Job, make_chunks

FILTER = "lanczos"
SIZES = range(8, 1025)


@dataclass(frozen=True)
class Request:
    """What a store is made from, and how; `limit` keeps the first so many good images by name."""

    source: str
    size: int
    crop: str = "square"
    limit: int | None = None

    def check(self) -> Crop:
        """Return the parsed crop; InputError for a setting out of range."""
        if self.size not in SIZES:
            raise InputError(f"--size {self.size}: use {SIZES[0]} to {SIZES[-1]} pixels")
        if self.limit is not None and self.limit < 1:
            raise InputError(f"--limit {self.limit}: use 1 or more, or leave it out for all images")
        try:
            return parse_crop(self.crop)
        except ValueError as error:
            raise InputError(f"--crop {self.crop!r}: {error}") from None


def prepare(
    source: str | Path,
    out: str | Path,
    size: int,
    crop: str = "square",
    limit: int | None = None,
    workers: int | None = None,
    max_rejected: float = MAX_REJECTED,
) -> FaceStore:
    """Make the store `out` of `size` x `size` faces from a folder, a zip, or `synthetic[:N]`.

    Items are taken in order of their names; with `limit` N, the first N good ones, and no later item is
    decoded. `workers` is the number of processes (default: one a core); the pixels don't depend on it.
    What was found bad is named with the reason in the store's rejected.csv. Words and a progress bar go to
    stderr. A store that is there already from the same request and source is opened as it is. Of the store
    that is returned, `len` tells how many faces it has, and `gather` gives their pixels.

    Raises InputError for settings, sources and folders that can't be worked with, before any work, and if
    no image is good; FaceganError if the work fails. The store is then absent, as it is after Ctrl-C.
    It is there, and whole, where InputError says that a larger share than `max_rejected` (0 to 1) of the
    files that were read is bad.
    """
    out = Path(out)
    request = Request(str(source), size, crop, limit)
    opened, parsed_crop = check_request(request)
    if workers is not None and workers < 1:
        raise InputError(f"--workers {workers}: use 1 or more")
    if not 0 <= max_rejected <= 1:
        raise InputError(f"--max-rejected {max_rejected}: use 0 to 1, a share of the files")
    if store := _already_there(out, request, opened):
        _say(f"{out} is there already: {len(store)} faces, fingerprint {store.fingerprint[:12]}")
    else:
        store = _make(out, request, opened, parsed_crop, workers or available_cores())
    check_share(store, max_rejected, "--max-rejected ")
    return store


def _make(out: Path, request: Request, opened: Source, crop: Crop, workers: int) -> FaceStore:
    """Make the store of a request that has been checked, where nothing is in the way."""
    check_room(out, opened, request)
    _say(
        f"preparing {request.source} at {request.size}x{request.size}, crop {request.crop}, "
        f"into {out}, with {workers} processes"
    )
    started = time.perf_counter()
    with _writing(out) as folder:
        writer = StoreWriter(folder, request.size)
        with closing(writer):
            rejected = _fill(writer, Job(opened, request.size, crop), request.limit, workers)
        if not writer.count:
            raise _none_good(request, rejected)
        write_rejected(folder, rejected)
        writer.finish(rejected=len(rejected), **_about(request, opened))
    store = FaceStore.open(out)
    _say(_summary(store, time.perf_counter() - started))
    return store


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


def _already_there(out: Path, request: Request, source: Source) -> FaceStore | None:
    """The store at `out` if it answers this request; InputError if anything else is there."""
    if not os.path.lexists(out) or (out.is_dir() and not any(out.iterdir())):
        return None
    if not is_store(out):
        kind = "a folder of other things" if out.is_dir() else "not a folder"
        raise InputError(f"--out {out} is {kind}; give a new path (nothing there was touched)")
    store = FaceStore.open(out)
    if differences := _differences(store.manifest, request, source):
        raise InputError(
            f"--out {out} is a store made otherwise: {'; '.join(differences)}. "
            "Give another --out, or remove that folder first"
        )
    return store


def _differences(manifest: Manifest, request: Request, source: Source) -> list[str]:
    """Each way in which the store was made otherwise, as `was -> now`."""
    pairs = {
        "size": (manifest.size, request.size),
        "crop": (manifest.crop, request.crop),
        "limit": (manifest.limit, request.limit),
    }
    was, now = manifest.source_identity, source.identity
    if any(was.get(key) != now.get(key) for key in ("kind", "path")):
        pairs["source"] = (was.get("path", manifest.source), now.get("path", request.source))
    else:
        pairs |= {f"source has changed, {key}": (was.get(key), now[key]) for key in now}
    return [f"{name} {old} -> {new}" for name, (old, new) in pairs.items() if old != new]


def check_request(request: Request) -> tuple[Source, Crop]:
    """Open the source and parse the crop; InputError if they, or the numbers, can't be worked with."""
    crop = request.check()
    source = open_source(request.source)
    if isinstance(source, SyntheticSource) and request.crop != "square":
        raise InputError(
            f"--crop {request.crop}: drawn faces have no crop; leave it out with {request.source}"
        )
    return source, crop


def check_room(out: Path, source: Source, request: Request) -> None:
    """InputError if the store can't be put at `out`, or has no room there."""
    if source.identity["kind"] == "folder" and out.resolve().is_relative_to(source.identity["path"]):
        raise InputError(f"--out {out} lies inside the source folder; give a path outside it")
    parent = writable_parent(out)
    needed = min(len(source.names), request.limit or len(source.names)) * request.size**2 * 3
    free = shutil.disk_usage(parent).free
    if needed > free:
        raise InputError(
            f"--out {out}: the store needs {_bytes(needed)} and {parent} has {_bytes(free)} free; "
            "make room, or use a smaller --size or --limit"
        )


@contextmanager
def _writing(out: Path) -> Iterator[Path]:
    """A folder that becomes `out` if the block succeeds; FaceganError if the disk won't have it."""
    try:
        with atomic_folder(out) as folder:
            yield folder
            if out.is_dir():
                out.rmdir()  # an empty folder was allowed to be there; a filled one makes this fail
    except OSError as error:
        raise FaceganError(f"the store {out} can't be written: {error.strerror or error}") from error


def _fill(writer: StoreWriter, job: Job, limit: int | None, workers: int) -> list[tuple[str, str]]:
    """Write all faces of the job, with a progress bar; return (name, reason) of the rejected."""
    rejected: list[tuple[str, str]] = []
    items = len(job.source.names)
    wanted = min(items, limit or items)
    interval = 0.1 if sys.stderr.isatty() else 5.0  # a log wants few lines
    with (
        tqdm(total=wanted, unit=" images", file=sys.stderr, mininterval=interval) as bar,
        closing(make_chunks(job, limit, workers)) as chunks,
    ):
        for chunk in chunks:
            writer.append(chunk.pixels)
            if chunk.rejected:
                rejected += chunk.rejected
                bar.total = min(wanted, items - len(rejected))
                bar.set_postfix(rejected=len(rejected), refresh=False)
            bar.update(chunk.stop - chunk.start - len(chunk.rejected))
    return rejected


def _none_good(request: Request, rejected: list[tuple[str, str]]) -> InputError:
    examples = "; ".join(f"{in_short(name, 200)}: {reason}" for name, reason in rejected[:3])
    return InputError(
        f"source {request.source}: none of its {len(rejected)} files is an image that can be used "
        f"({examples}{'; ...' if len(rejected) > 3 else ''}); no store was written"
    )


def _about(request: Request, source: Source) -> dict[str, Any]:
    """The manifest's fields that tell where the faces come from."""

    return {
        "crop": request.crop,
        "filter": FILTER,
        "source": request.source,
        "source_identity": source.identity,
        "limit": request.limit,
        "versions": versions("numpy", "pillow"),
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def _summary(store: FaceStore, seconds: float) -> str:
    count, rejected = len(store), store.manifest.rejected
    on_disk = sum(file.stat().st_size for file in store.folder.iterdir())
    named = f"named in {store.folder / REJECTED}"
    return (
        f"{store.folder}: {count} faces, {_bytes(on_disk)} on disk, in {seconds:.1f} s, "
        f"{count / seconds:.0f} images/s; {rejected} rejected, {named}; fingerprint {store.fingerprint[:12]}"
    )


def _bytes(number: int) -> str:
    return f"{number / 1e9:.1f} GB" if number >= 1e9 else f"{number / 1e6:.1f} MB"
