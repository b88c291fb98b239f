"""A store of faces: shards of uint8 pixels and a manifest. Random access on one side, appending on the other.

STORE/faces-00000-of-00004.npy   uint8 [n, S, S, 3]; `np.load(path, mmap_mode="r")` opens it
STORE/manifest.json              what it holds and where that came from: see `Manifest`
STORE/rejected.csv               name,reason of the files that could not be used
"""

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from facegan_tf.common.errors import InputError
from facegan_tf.common.files import write_json

FORMAT_VERSION = 1
MANIFEST = "manifest.json"
REJECTED = "rejected.csv"
SHARD_BYTES = 256 * 2**20


@dataclass(frozen=True)
class Manifest:
    """What manifest.json holds, field by field."""

    format_version: int
    count: int  # faces
    size: int  # pixels a side
    crop: str  # square, center:N or box:L,T,R,B
    filter: str  # of the resize
    source: str  # as given
    source_identity: dict[str, Any]  # changes when the source does
    limit: int | None
    rejected: int  # files named in rejected.csv
    fingerprint: str  # SHA-256 over size and pixels: the same faces have the same one everywhere
    shards: list[dict[str, Any]]  # file and count of each, in order
    versions: dict[str, str]
    created: str  # UTC, ISO 8601


def is_store(folder: Path) -> bool:
    """Whether the folder has a store's manifest; `FaceStore.open` says whether the store is whole."""
    try:
        content = json.loads((folder / MANIFEST).read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and "shards" in content and "fingerprint" in content


class FaceStore:
    """Read access to a store. Shards are memory-mapped: it may be larger than memory."""

    def __init__(self, folder: Path, manifest: Manifest, shards: list[np.ndarray]) -> None:
        """Use `open`: it checks that these fit together."""
        self.folder = folder
        self.manifest = manifest
        self.size = manifest.size
        self.fingerprint = manifest.fingerprint
        self._shards = shards
        self._ends = np.cumsum([len(shard) for shard in shards])

    @classmethod
    def open(cls, folder: Path) -> "FaceStore":
        """Open a store; InputError if it isn't one, or if a part is missing or of the wrong shape."""
        folder = Path(folder)
        if not is_store(folder):
            raise InputError(
                f"{folder} is not a store of faces (no {MANIFEST} of one in it); "
                f"make one: facegan prepare SOURCE --out {folder}"
            )
        try:
            manifest = _read_manifest(folder)
            shards = [_map_shard(folder, shard, manifest.size) for shard in manifest.shards]
            if sum(map(len, shards)) != manifest.count or not shards:
                raise ValueError(f"its shards hold {sum(map(len, shards))} faces, not {manifest.count}")
        except (OSError, ValueError, EOFError, TypeError, KeyError) as error:
            raise InputError(
                f"the store {folder} is damaged: {error}; remove the folder and prepare it again"
            ) from None
        return cls(folder, manifest, shards)

    def __len__(self) -> int:
        """How many faces it holds."""
        return self.manifest.count

    def gather(self, indices: np.ndarray) -> np.ndarray:
        """Copy the faces at `indices` (integers [N] in 0..len-1): uint8 [N, S, S, 3].

        Raises IndexError for an index outside that range, negative ones included.
        """
        indices = np.asarray(indices)
        if indices.size == 0:
            return np.empty((0, self.size, self.size, 3), np.uint8)
        if indices.ndim != 1 or indices.dtype.kind not in "iu":
            raise IndexError(f"indices must be integers [N], not {indices.dtype} {list(indices.shape)}")
        if indices.min() < 0 or indices.max() >= len(self):
            raise IndexError(f"indices {indices.min()}..{indices.max()} of a store of {len(self)} faces")
        if len(self._shards) == 1:
            return self._shards[0][indices]
        faces = np.empty((len(indices), self.size, self.size, 3), np.uint8)
        shard_of = np.searchsorted(self._ends, indices, side="right")
        for row, (shard, index) in enumerate(zip(shard_of.tolist(), indices.tolist(), strict=True)):
            faces[row] = self._shards[shard][index - self._ends[shard]]  # counted from the shard's end
        return faces


def _read_manifest(folder: Path) -> Manifest:
    content = json.loads((folder / MANIFEST).read_bytes())
    if content.get("format_version") != FORMAT_VERSION:
        version = content.get("format_version")
        raise ValueError(f"{MANIFEST} is of format version {version}, this program reads {FORMAT_VERSION}")
    names = [field.name for field in fields(Manifest)]
    if missing := [name for name in names if name not in content]:
        raise ValueError(f"{MANIFEST} lacks {', '.join(missing)}")
    return Manifest(**{name: content[name] for name in names})


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
    return np.asarray(faces)  # a plain view of the map: indexing np.memmap itself is slower


class StoreWriter:
    """Appends faces to shards in an empty folder, with little held in memory.

    Close it with `finish`; call it inside `files.atomic_folder`, so that the store is whole or absent.
    """

    def __init__(self, folder: Path, size: int, shard_bytes: int = SHARD_BYTES) -> None:
        """`folder` exists and is empty; a shard holds about `shard_bytes` of pixels."""
        self.folder = folder
        self.size = size
        self.count = 0
        self._face_bytes = size * size * 3
        self._shard_rows = max(1, shard_bytes // self._face_bytes)
        self._counts: list[int] = []
        self._file: BinaryIO | None = None
        self._digest = hashlib.sha256(f"uint8 RGB {size}x{size}\n".encode())

    def append(self, pixels: bytes) -> None:
        """Append whole faces, RGB rows of uint8 one after the other."""
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
        """Give the shards their names and write the manifest; `about` are the fields known outside."""
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
        write_json(self.folder / MANIFEST, asdict(manifest))
        return manifest

    def close(self) -> None:
        """Close the shard being written, its header corrected to the rows it has."""
        if self._file is not None:
            with self._file:
                self._file.seek(0)
                self._write_header()
            self._file = None

    def _shard_path(self, k: int) -> Path:
        return self.folder / f"faces-{k:05d}.npy"

    def _next_shard(self) -> None:
        self.close()
        self._counts.append(0)
        self._file = self._shard_path(len(self._counts) - 1).open("wb")
        self._write_header()

    def _write_header(self) -> None:
        """Write the .npy header; numpy pads it so that any number of rows takes the same room."""
        assert self._file is not None
        shape = (self._counts[-1], self.size, self.size, 3)
        header = {"descr": "|u1", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(self._file, header)
