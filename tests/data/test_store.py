import json
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facegan_tf.common import memory
from facegan_tf.data.store import FaceStore, Manifest, StoreWriter, is_store
from facegan_tf.data.training_set import TrainingSet
from tests.helpers.refusals import refusal

ABOUT = {
    "crop": "square",
    "filter": "lanczos",
    "source": "photos.zip",
    "source_identity": {"kind": "zip"},
    "limit": None,
    "rejected": 0,
    "versions": {},
    "created": "2024-01-01T00:00:00+00:00",
}


def faces_of(count: int, size: int = 8, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, size, size, 3), dtype=np.uint8)


def write(folder: Path, faces: np.ndarray, pieces: int = 1, shard_rows: int = 100) -> Manifest:
    folder.mkdir(exist_ok=True)
    size = faces.shape[1]
    writer = StoreWriter(folder, size, shard_bytes=shard_rows * size * size * 3)
    for piece in np.array_split(faces, pieces):
        writer.append(piece.tobytes())
    return writer.finish(**ABOUT)


def test_the_licence_is_the_one_declared_or_all_of_several_sources(tmp_path: Path) -> None:
    manifest = write(tmp_path, faces_of(1))
    hub, other = {"kind": "hub", "licence": "mit"}, {"kind": "hub", "licence": "cc-by-4.0"}
    several = {"kind": "several", "sources": [{"kind": "zip"}, hub, other, hub]}
    licences = [replace(manifest, source_identity=identity).licence for identity in (hub, several)]
    assert (manifest.licence, *licences) == (None, "mit", "mit; cc-by-4.0")


@pytest.mark.skipif(sys.platform != "linux", reason="reads how a file is mapped from /proc")
@pytest.mark.parametrize(
    ("machine", "container", "scattered"),
    [(10**5, "max", False), (10**3, "max", True), (10**5, 10**3, True)],
)
def test_training_reads_only_what_memory_cannot_hold_face_by_face(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, machine: int, container: int | str, scattered: bool
) -> None:
    (tmp_path / "membership").write_text("0::/\n")
    (tmp_path / "memory.max").write_text(f"{container}\n")
    (tmp_path / "memory.current").write_text("0\n")
    monkeypatch.setattr(memory, "MEMBERSHIP", tmp_path / "membership")
    monkeypatch.setattr(memory, "CGROUPS", tmp_path)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(total=machine, available=machine))
    write(tmp_path / "store", faces_of(10))
    store = FaceStore.open(tmp_path / "store")
    next(iter(TrainingSet(store, 2, seed=0).batches()))
    mappings = Path("/proc/self/smaps").read_text().split("VmFlags:")
    flags = [after.splitlines()[0] for before, after in pairwise(mappings) if str(tmp_path) in before]
    assert len(store) == 10 and ["rr" in each.split() for each in flags] == [scattered]


def test_shards_are_npy_files_that_numpy_can_map(tmp_path: Path) -> None:
    faces = faces_of(10)
    manifest = write(tmp_path, faces, shard_rows=4)
    names = [f"faces-0000{k}-of-00003.npy" for k in range(3)]
    assert sorted(path.name for path in tmp_path.iterdir()) == [*names, "manifest.json"]
    shards = [np.load(tmp_path / name, mmap_mode="r") for name in names]
    assert [shard.shape for shard in shards] == [(4, 8, 8, 3), (4, 8, 8, 3), (2, 8, 8, 3)]
    np.testing.assert_array_equal(np.concatenate(shards), faces)
    assert manifest.shards == [{"file": name, "count": n} for name, n in zip(names, (4, 4, 2), strict=True)]
    assert json.loads((tmp_path / "manifest.json").read_text()) == vars(manifest)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 30), st.integers(1, 8), st.integers(1, 12))
def test_pieces_and_shards_change_neither_pixels_nor_fingerprint(
    tmp_path_factory: pytest.TempPathFactory, count: int, pieces: int, shard_rows: int
) -> None:
    folder, faces = tmp_path_factory.mktemp("store"), faces_of(count)
    write(folder / "a", faces)
    write(folder / "b", faces, pieces, shard_rows)
    store = FaceStore.open(folder / "b")
    assert store.fingerprint == FaceStore.open(folder / "a").fingerprint
    np.testing.assert_array_equal(store.gather(np.arange(count)), faces)


def test_the_fingerprint_depends_on_size_and_pixels_alone(tmp_path: Path) -> None:
    faces = np.arange(2 * 8 * 8 * 3, dtype=np.uint8).reshape(2, 8, 8, 3)
    expected = "c3c8773c"  # (printf 'uint8 RGB 8x8\\n'; the 384 bytes 0 1 2 ... 255 0 ... 127) | sha256sum
    assert write(tmp_path / "a", faces).fingerprint.startswith(expected)
    assert write(tmp_path / "b", faces[::-1]).fingerprint[:8] != expected
    assert write(tmp_path / "c", faces[:1]).fingerprint[:8] != expected
    wider = np.zeros((1, 16, 16, 3), np.uint8)  # as many bytes as four of 8x8
    assert (
        write(tmp_path / "d", wider).fingerprint
        != write(tmp_path / "e", np.zeros((4, 8, 8, 3), np.uint8)).fingerprint
    )


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 10), max_size=30), st.sampled_from([np.int32, np.int64, np.uint8, np.uint64]))
@pytest.mark.parametrize("shard_rows", [3, 100])
def test_gather_is_numpy_indexing(
    tmp_path_factory: pytest.TempPathFactory, shard_rows: int, rows: list[int], dtype: type
) -> None:
    folder = tmp_path_factory.getbasetemp() / f"gathered{shard_rows}"
    faces = faces_of(11)
    if not folder.exists():
        write(folder, faces, shard_rows=shard_rows)
    indices = np.array(rows, dtype)
    gathered = FaceStore.open(folder).gather(indices)
    assert gathered.dtype == np.uint8
    assert gathered.shape == (len(rows), 8, 8, 3)
    np.testing.assert_array_equal(gathered, faces[indices])


@pytest.mark.parametrize("count", [1, 3, 4, 9, 11, 12])
def test_the_first_faces_are_a_store_of_their_own(tmp_path: Path, count: int) -> None:
    faces = faces_of(11)
    write(tmp_path, faces, shard_rows=3)
    store = FaceStore.open(tmp_path)
    first, kept = store.first(count), min(count, 11)
    assert len(first) == kept and first.fingerprint == store.fingerprint
    np.testing.assert_array_equal(first.gather(np.arange(kept)), faces[:kept])
    np.testing.assert_array_equal(np.concatenate(list(first.in_order())), faces[:kept])
    with pytest.raises(IndexError):
        first.gather(np.array([kept]))
    assert len(store) == 11


@pytest.mark.parametrize("count", [1, 2, 3, 5, 11, 12])
def test_the_last_faces_are_a_store_with_the_fingerprint_of_these_faces_alone(
    tmp_path: Path, count: int
) -> None:
    faces = faces_of(11)
    write(tmp_path / "all", faces, shard_rows=3)
    store = FaceStore.open(tmp_path / "all")
    last, kept = store.last(count), min(count, 11)
    assert len(last) == kept
    assert last.fingerprint == write(tmp_path / "alone", faces[-kept:]).fingerprint
    np.testing.assert_array_equal(last.gather(np.arange(kept)[::-1]), faces[-kept:][::-1])
    np.testing.assert_array_equal(np.concatenate(list(last.in_order())), faces[-kept:])
    assert store.fingerprint == write(tmp_path / "again", faces).fingerprint


def test_gathered_faces_are_a_copy(tmp_path: Path) -> None:
    write(tmp_path, faces_of(3))
    store = FaceStore.open(tmp_path)
    store.gather(np.array([1]))[:] = 0
    np.testing.assert_array_equal(store.gather(np.arange(3)), faces_of(3))


@pytest.mark.parametrize("shard_rows", [2, 100])
@pytest.mark.parametrize("indices", [[5], [-1], [0, 1, 99], [0.0], [True], [[0]], 0])
def test_an_index_out_of_range_is_an_error(tmp_path: Path, shard_rows: int, indices: list) -> None:
    write(tmp_path, faces_of(5), shard_rows=shard_rows)
    with pytest.raises(IndexError):
        FaceStore.open(tmp_path).gather(np.array(indices))


def test_a_store_knows_its_size_and_source(tmp_path: Path) -> None:
    write(tmp_path, faces_of(5, size=16))
    store = FaceStore.open(tmp_path)
    assert (len(store), store.size, store.manifest.count, store.manifest.source) == (5, 16, 5, "photos.zip")
    assert store.fingerprint == store.manifest.fingerprint
    assert is_store(tmp_path)


def test_only_whole_faces_can_be_appended(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="whole faces"):
        StoreWriter(tmp_path, 8).append(bytes(8 * 8 * 3 + 1))


@pytest.mark.parametrize("content", [None, "", "{", "[]", "{}", '{"shards": []}', '"shards fingerprint"'])
def test_a_folder_that_is_not_a_store_is_refused(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "manifest.json").write_text(content)
    assert not is_store(tmp_path)
    with refusal(None, "is not a store", f"facegan prepare SOURCE --out {tmp_path}", value=tmp_path):
        FaceStore.open(tmp_path)


def test_a_missing_folder_is_not_a_store(tmp_path: Path) -> None:
    assert not is_store(tmp_path / "gone")
    with refusal(None, "is not a store", value=tmp_path / "gone"):
        FaceStore.open(tmp_path / "gone")


def edit(folder: Path, **changes: object) -> None:
    path = folder / "manifest.json"
    content = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({key: value for key, value in content.items() if value != "DROP"}))


SHARD = "faces-00001-of-00002.npy"
DAMAGES = {
    "missing": (lambda folder: (folder / SHARD).unlink(), f"{SHARD} is missing"),
    "cut short": (
        lambda folder: (folder / SHARD).write_bytes((folder / SHARD).read_bytes()[:-1]),
        f"{SHARD} can't be mapped",
    ),
    "emptied": (lambda folder: (folder / SHARD).write_bytes(b""), f"{SHARD} can't be mapped"),
    "of another size": (lambda folder: np.save(folder / SHARD, faces_of(2, 9)), "uint8 (2, 9, 9, 3), not"),
    "of another type": (
        lambda folder: np.save(folder / SHARD, faces_of(2).astype(np.int8)),
        "int8 (2, 8, 8, 3), not",
    ),
    "with fewer faces": (lambda folder: np.save(folder / SHARD, faces_of(1)), "(1, 8, 8, 3), not"),
    "of pickled objects": (
        lambda folder: np.save(folder / SHARD, np.array([{}]), allow_pickle=True),
        f"{SHARD} can't be mapped",
    ),
    "miscounted": (lambda folder: edit(folder, count=6), "hold 5 faces, not 6"),
    "of a later version": (lambda folder: edit(folder, format_version=2), "format version 2"),
    "without a field": (lambda folder: edit(folder, crop="DROP", size="DROP"), "lacks size, crop"),
    "with odd shards": (lambda folder: edit(folder, shards=[1]), "damaged"),
    "with no shards": (lambda folder: edit(folder, shards=[], count=0), "hold 0 faces"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_store_is_refused_with_the_way_out(tmp_path: Path, damage: str) -> None:
    write(tmp_path, faces_of(5), shard_rows=3)
    do, fact = DAMAGES[damage]
    do(tmp_path)
    with refusal(None, "damaged", fact, "remove the folder", value=tmp_path):
        FaceStore.open(tmp_path)
