"""A store of faces: shards of uint8 pixels and a manifest, with random access for readers.

STORE/faces-00000-of-00004.npy   uint8 [n, S, S, 3]; `np.load(path, mmap_mode="r")` opens it
STORE/manifest.json              what it holds and where that came from: see `Manifest`
STORE/rejected.csv               name,reason of the files that could not be used
"""

import dataclasses
import hashlib
import io
import mmap
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from facegan_tf.common.errors import InputError
from facegan_tf.common.memory import host_memory
from facegan_tf.data.manifest import (
    FORMAT_VERSION,
    MANIFEST,
    Manifest,
    is_store,
    read_manifest,
    write_manifest,
)

__all__ = ["REJECTED", "SHARD_BYTES", "FaceStore", "Manifest", "StoreWriter", "is_store"]

REJECTED = "rejected.csv"
SHARD_BYTES = 256 * 2**20


class FaceStore:
    """Read access to a store. Shards are memory-mapped, so a store may be larger than memory."""

    def __init__(self, folder: Path, manifest: Manifest, shards: list[np.ndarray]) -> None:
        """Use `open` instead: it checks that these fit together."""
        self.folder = folder
        self.manifest = manifest
        self.size = manifest.size
        self.fingerprint = manifest.fingerprint
        self.shards = shards
        self._ends = np.cumsum([len(shard) for shard in shards])

    @classmethod
    def open(cls, folder: Path) -> "FaceStore":
        """Open a store. Raises InputError if it isn't one, or if a part is missing or of the wrong shape."""
        folder = Path(folder)
        if not is_store(folder):
            raise InputError(
                None,
                folder,
                f"is not a store of faces: it has no {MANIFEST} of one; "
                f"make one: facegan prepare SOURCE --out {folder}",
            )
        try:
            manifest = read_manifest(folder)
            shards = [_map_shard(folder, shard, manifest.size) for shard in manifest.shards]
            if sum(map(len, shards)) != manifest.count or not shards:
                raise ValueError(f"its shards hold {sum(map(len, shards))} faces, not {manifest.count}")
        except (OSError, ValueError, EOFError, TypeError, KeyError) as error:
            problem = f"this store is damaged: {error}; remove the folder, and prepare it again"
            raise InputError(None, folder, problem) from None
        return cls(folder, manifest, shards)

    def __len__(self) -> int:
        """The number of faces."""
        return self.manifest.count

    def first(self, count: int) -> "FaceStore":
        """The store as if it had only its first `count` faces, or fewer if it has fewer."""
        return self._part(0, min(count, len(self)))

    def last(self, count: int) -> "FaceStore":
        """The last `count` faces, or all if there are fewer, as a store with a fingerprint of its own.

        It is the fingerprint of a store that was prepared from these faces alone.
        """
        part = self._part(max(0, len(self) - count), len(self))
        digest = pixel_digest(self.size)
        for faces in part.in_order():
            digest.update(faces.tobytes())
        manifest = dataclasses.replace(part.manifest, fingerprint=digest.hexdigest())
        return FaceStore(self.folder, manifest, part.shards)

    def _part(self, start: int, stop: int) -> "FaceStore":
        """The faces `start` to `stop` - 1, with this store's fingerprint."""
        firsts = (self._ends - [len(shard) for shard in self.shards]).tolist()
        shards = [
            shard[max(0, start - first) : stop - first]
            for shard, first in zip(self.shards, firsts, strict=True)
            if first < stop and start < first + len(shard)
        ]
        return FaceStore(self.folder, dataclasses.replace(self.manifest, count=stop - start), shards)

    def gather(self, indices: np.ndarray) -> np.ndarray:
        """A copy of the faces at `indices` (integers [N] in 0..len-1): uint8 [N, S, S, 3].

        Raises IndexError for an index outside that range, and for negative ones.
        """
        indices = np.asarray(indices)
        if indices.size == 0:
            return np.empty((0, self.size, self.size, 3), np.uint8)
        if indices.ndim != 1 or indices.dtype.kind not in "iu":
            raise IndexError(f"indices must be integers [N], not {indices.dtype} {list(indices.shape)}")
        if indices.min() < 0 or indices.max() >= len(self):
            raise IndexError(f"indices {indices.min()}..{indices.max()} of a store of {len(self)} faces")
        if len(self.shards) == 1:
            return self.shards[0][indices]
        faces = np.empty((len(indices), self.size, self.size, 3), np.uint8)
        shard_of = np.searchsorted(self._ends, indices, side="right")
        for row, (shard, index) in enumerate(zip(shard_of.tolist(), indices.tolist(), strict=True)):
            from_end = index - self._ends[shard]  # negative: counted from the shard's end
            faces[row] = self.shards[shard][from_end]
        return faces

    def expect_scattered_reads(self) -> None:
        """Tell the system that faces will be read in random order, if memory can't hold all of them.

        By default, it reads 128 KB around each face, which only helps if it can keep what it has read.
        """
        fits = sum(shard.nbytes for shard in self.shards) < host_memory().total / 2
        if fits or not hasattr(mmap, "MADV_RANDOM"):
            return
        for shard in self.shards:
            mapped = getattr(shard.base, "base", None)  # below numpy's views
            if isinstance(mapped, mmap.mmap):
                mapped.madvise(mmap.MADV_RANDOM)

    def in_order(self) -> Iterator[np.ndarray]:
        """All faces, a few at a time: uint8 [n, S, S, 3]."""
        rows = max(1, 2**24 // (self.size * self.size * 3))
        for shard in self.shards:
            for start in range(0, len(shard), rows):
                yield shard[start : start + rows]


def pixel_digest(size: int) -> Any:
    """A SHA-256 object that, once updated with the pixels of `size` x `size` faces, is their fingerprint."""
    return hashlib.sha256(f"uint8 RGB {size}x{size}\n".encode())


def _map_shard(folder: Path, shard: dict[str, Any], size: int) -> np.ndarray:
    name, expected = shard["file"], (shard["count"], size, size, 3)
    try:
        faces = np.load(folder / name, mmap_mode="r")
    except FileNotFoundError:
        raise ValueError(f"{name} is missing") from None
    except (OSError, ValueError, EOFError) as error:
        raise ValueError(f"{name} can't be mapped ({error})") from None
    if faces.shape != expected or faces.dtype != np.uint8:
        raise ValueError(f"{name} holds {faces.dtype} {faces.shape}, not uint8 {expected}")
    return np.asarray(faces)  # a plain view: indexing np.memmap itself is slower


class StoreWriter:
    """Appends faces to shards in an empty folder, and holds little in memory.

    Call `finish` at the end. Use it inside `files.atomic_folder`, so that the store is complete or absent.
    """

    def __init__(self, folder: Path, size: int, shard_bytes: int = SHARD_BYTES, *, count: int = 0) -> None:
        """folder: must exist. shard_bytes: largest size of a shard's pixels, in bytes.

        count: continue after the first `count` faces, which another writer left there.
        """
        self.folder = folder
        self.size = size
        self.count = count
        self._face_bytes = size * size * 3
        self._shard_rows = max(1, shard_bytes // self._face_bytes)
        self._counts: list[int] = []
        self._file: BinaryIO | None = None
        self._digest = pixel_digest(size)
        if count:
            self._continue()

    def _continue(self) -> None:
        """Cut off what follows the first `count` faces, and hash those faces."""
        for shard in self.folder.glob("faces-*-of-*.npy"):  # `finish` was interrupted
            shard.rename(shard.with_name(f"{shard.name.partition('-of-')[0]}.npy"))
        full, rest = divmod(self.count, self._shard_rows)
        self._counts = [self._shard_rows] * full + [rest] * (rest > 0)
        for k, rows in enumerate(self._counts):
            with self._shard_path(k).open("r+b") as file:
                header = len(_header(rows, self.size))
                file.truncate(header + rows * self._face_bytes)
                file.seek(header)
                while pixels := file.read(2**24):
                    self._digest.update(pixels)
        for later in self.folder.glob("faces-*.npy"):
            if later not in map(self._shard_path, range(len(self._counts))):
                later.unlink()
        if self._counts:
            self._file = self._shard_path(len(self._counts) - 1).open("r+b")
            self._file.seek(0, os.SEEK_END)

    def flush(self) -> None:
        """Wait until everything appended so far is on the disk."""
        if self._file is not None:
            self._file.flush()
            os.fsync(self._file.fileno())

    def append(self, pixels: bytes) -> None:
        """Append whole faces: uint8 RGB, row by row. Raises ValueError if a part of a face is missing."""
        if len(pixels) % self._face_bytes:
            raise ValueError(f"{len(pixels)} bytes are not whole faces of {self.size}x{self.size}x3")
        self._digest.update(pixels)
        rest = memoryview(pixels)
        while rest:
            if self._file is None or self._counts[-1] == self._shard_rows:
                self._next_shard()
            assert self._file is not None
            rows = min(len(rest) // self._face_bytes, self._shard_rows - self._counts[-1])
            self._file.write(rest[: rows * self._face_bytes])
            self._counts[-1] += rows
            self.count += rows
            rest = rest[rows * self._face_bytes :]

    def finish(self, **about: Any) -> Manifest:
        """Give the shards their final names and write the manifest; `about` has its other fields."""
        self.close()
        names = [f"faces-{k:05d}-of-{len(self._counts):05d}.npy" for k in range(len(self._counts))]
        for k, name in enumerate(names):
            self._shard_path(k).rename(self.folder / name)
        manifest = Manifest(
            format_version=FORMAT_VERSION,
            count=self.count,
            size=self.size,
            fingerprint=self._digest.hexdigest(),
            shards=[{"file": name, "count": n} for name, n in zip(names, self._counts, strict=True)],
            **about,
        )
        write_manifest(self.folder, manifest)
        return manifest

    def close(self) -> None:
        """Close the shard being written, and correct the number of rows in its header."""
        if self._file is not None:
            with self._file:
                self._file.seek(0)
                self._write_header()
                self.flush()
            self._file = None

    def _shard_path(self, k: int) -> Path:
        return self.folder / f"faces-{k:05d}.npy"

    def _next_shard(self) -> None:
        self.close()
        self._counts.append(0)
        self._file = self._shard_path(len(self._counts) - 1).open("wb")
        self._write_header()

    def _write_header(self) -> None:
        assert self._file is not None
        self._file.write(_header(self._counts[-1], self.size))


def _header(rows: int, size: int) -> bytes:
    """The header of a shard; numpy pads it, so its length does not depend on the number of rows."""
    header = {"descr": "|u1", "fortran_order": False, "shape": (rows, size, size, 3)}
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, header)
    return file.getvalue()
