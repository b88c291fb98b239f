import contextlib
import csv
import doctest
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from facegan_tf.common.errors import FaceganError, InputError, Rejected
from facegan_tf.config.crop import Crop
from facegan_tf.data import prepare as prepare_module
from facegan_tf.data import request as request_module
from facegan_tf.data import workers as workers_module
from facegan_tf.data.choices import Choices
from facegan_tf.data.chunks import Chunk, ChunkQueue, Job, Outcome, make_chunk
from facegan_tf.data.decode import decode_face, pillow_warnings
from facegan_tf.data.draft import saved_faces
from facegan_tf.data.framing import Cropped, FramedFace, Framing
from facegan_tf.data.prepare import prepare
from facegan_tf.data.request import Request
from facegan_tf.data.sources import open_source
from facegan_tf.data.store import FaceStore
from tests.helpers import paths
from tests.helpers.photos import bare_pillow, encoded, pixels, raw_png, write_zip
from tests.helpers.refusals import refusal

CELEBA = paths.CELEBA
BAD = {
    "000.bmp": b"a note",
    "007.jpg": b"",
    "013.png": encoded(pixels(9, 9))[:60],
    "031.jpg": b"\xff\xd8\xff",
}
GOOD = {f"{k:03}.jpg": encoded(pixels(10 + k, 24, k), "JPEG") for k in range(1, 31) if k not in (7, 13)}


def good_faces(size: int = 8) -> np.ndarray:
    return np.stack([bare_pillow(GOOD[name], size) for name in sorted(GOOD)])


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A zip of 28 good files and 4 bad ones: the first by name, the last, and two between."""
    return str(write_zip(tmp_path_factory.mktemp("source") / "photos.zip", GOOD | BAD))


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make many chunks of a few images."""
    monkeypatch.setattr(workers_module, "_CHUNK_ITEMS", 3)


def all_faces(store: FaceStore) -> np.ndarray:
    return store.gather(np.arange(len(store)))


def rejected_names(out: Path) -> list[str]:
    with (out / "rejected.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["name", "reason"]
    return [name for name, _ in rows]


def test_a_zip_becomes_a_store_of_what_plain_pillow_makes(photos: str, tmp_path: Path) -> None:
    store = prepare(photos, tmp_path / "store", 8)
    np.testing.assert_array_equal(all_faces(store), good_faces())
    assert rejected_names(tmp_path / "store") == sorted(BAD)
    assert [path.name for path in tmp_path.iterdir()] == ["store"]
    assert sorted(path.name for path in (tmp_path / "store").iterdir()) == [
        "faces-00000-of-00001.npy",
        "manifest.json",
        "rejected.csv",
    ]


def test_a_folder_gives_the_same_faces_as_its_zip(photos: str, tmp_path: Path) -> None:
    for name, content in (GOOD | BAD).items():
        (tmp_path / "photos" / "deeper").mkdir(parents=True, exist_ok=True)
        (tmp_path / "photos" / "deeper" / name).write_bytes(content)
    from_folder = prepare(str(tmp_path / "photos"), tmp_path / "a", 8)
    from_zip = prepare(photos, tmp_path / "b", 8)
    assert from_folder.fingerprint == from_zip.fingerprint
    assert rejected_names(tmp_path / "a") == [f"deeper/{name}" for name in sorted(BAD)]


def test_the_manifest_says_how_the_store_was_made(photos: str, tmp_path: Path) -> None:
    store = prepare(photos, tmp_path / "store", 16, crop="center:10", limit=20)
    manifest = json.loads((tmp_path / "store" / "manifest.json").read_text())
    created = manifest.pop("created")
    assert created.endswith("+00:00")
    assert manifest.pop("versions").keys() == {"facegan_tf", "numpy", "pillow", "python"}
    assert len(manifest["source_identity"].pop("content")) == 64
    assert manifest == {
        "format_version": 1,
        "count": 20,
        "size": 16,
        "crop": "center:10",
        "filter": "lanczos",
        "source": photos,
        "source_identity": open_source(photos).identity,
        "limit": 20,
        "rejected": 3,
        "fingerprint": store.fingerprint,
        "shards": [{"file": "faces-00000-of-00001.npy", "count": 20}],
        "notes": {},
        "choices": {},
        "items": None,
    }


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 40), st.one_of(st.none(), st.integers(1, 40)))
def test_faces_do_not_depend_on_the_size_of_chunks(
    photos: str, tmp_path_factory: pytest.TempPathFactory, chunk: int, limit: int | None
) -> None:
    out = tmp_path_factory.mktemp("out") / "store"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workers_module, "_CHUNK_ITEMS", chunk)
        store = prepare(photos, out, 8, limit=limit, workers=1)
    np.testing.assert_array_equal(all_faces(store), good_faces()[:limit])


@pytest.mark.parametrize(("workers", "limit"), [(2, None), (3, None), (5, 17), (2, 28)])
@pytest.mark.usefixtures("small_chunks")
def test_the_store_does_not_depend_on_the_number_of_workers(
    photos: str, tmp_path: Path, workers: int, limit: int | None
) -> None:
    one = prepare(photos, tmp_path / "one", 8, limit=limit, workers=1)
    many = prepare(photos, tmp_path / "many", 8, limit=limit, workers=workers)
    assert many.fingerprint == one.fingerprint
    for file in ("faces-00000-of-00001.npy", "rejected.csv"):
        assert (tmp_path / "many" / file).read_bytes() == (tmp_path / "one" / file).read_bytes()


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.usefixtures("small_chunks")
def test_a_limit_takes_the_first_good_images_and_opens_no_later_one(
    photos: str, tmp_path: Path, workers: int
) -> None:
    store = prepare(photos, tmp_path / "store", 8, limit=11, workers=workers)
    np.testing.assert_array_equal(all_faces(store), good_faces()[:11])
    assert rejected_names(tmp_path / "store") == ["000.bmp", "007.jpg"]  # 013.png comes after the eleventh


@settings(max_examples=200)
@given(
    st.lists(st.integers(0, 1), max_size=40) | st.lists(st.integers(0, 4), max_size=40),
    st.one_of(st.none(), st.integers(1, 20)),
    st.integers(1, 9),
    st.data(),
)
def test_the_queue_takes_every_item_once_and_none_after_the_last_wanted(
    faces: list[int], limit: int | None, chunk: int, data: st.DataObject
) -> None:
    queue, flying, taken = ChunkQueue(len(faces), limit, chunk), [], []
    while True:
        while len(flying) < 4 and (items := queue.take()):
            assert len(items) <= chunk
            known = sum(faces[k] for k in set(taken) - {k for each in flying for k in each})
            flying.append(items)
            taken += items
            assert limit is None or known + sum(map(len, flying)) <= limit
        if not flying:
            break
        items = flying.pop(data.draw(st.integers(0, len(flying) - 1)))  # they finish in any order
        outcomes = [Outcome(b"", [FramedFace(b"")] * faces[k]) for k in items]
        queue.finished(Chunk(items.start, items.stop, outcomes))
    assert taken == list(range(len(taken)))
    enough = [k + 1 for k in range(len(faces)) if limit is not None and sum(faces[: k + 1]) >= limit]
    needed = enough[0] if enough else len(faces)
    assert len(taken) == needed if max(faces, default=0) <= 1 else len(taken) >= needed


@dataclass(frozen=True)
class SeveralFaces:
    """A source of 60 photos of 0 to 3 people. The first person is the same in all of them."""

    names = tuple(f"{k:02}" for k in range(60))
    identity: ClassVar = {"kind": "several faces"}

    def content(self, index: int) -> bytes:
        return bytes([index])

    def faces(self, index: int, framing: Framing) -> list[FramedFace]:
        if not (people := people_in(index)):
            raise Rejected("has no face")
        return [FramedFace(pixels(framing.size, framing.size, person).tobytes()) for person in people]

    def attributes(self) -> None:
        return None


def people_in(photo: int) -> list[int]:
    return [4 * photo * (k > 0) + k for k in range(photo % 4)]


@pytest.mark.parametrize("limit", [4, 20, None])
@pytest.mark.parametrize("dedupe", [None, 0])
@pytest.mark.usefixtures("small_chunks")
def test_a_limit_counts_faces_where_photos_have_several(
    tmp_path: Path, limit: int | None, dedupe: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = [(photo, person) for photo in range(60) for person in people_in(photo)]
    if dedupe is not None:
        seen = [(photo, person) for photo, person in seen if person or photo == 1]
    last = seen[:limit][-1][0]
    expected = [pixels(8, 8, person) for _, person in seen[:limit]]
    request = Request(("photos",), 8, limit=limit, choices=Choices(dedupe=dedupe))
    job = Job(SeveralFaces(), Cropped(8, Crop()), hashed=dedupe is not None)
    for workers in (1, 3):
        store = prepare_module._make(tmp_path / str(workers), request, job, workers)
        np.testing.assert_array_equal(all_faces(store), expected)
        assert store.manifest.items_read == last + 1
    read = []
    monkeypatch.setattr(SeveralFaces, "content", lambda _, index: read.append(index) or bytes([index]))
    prepare_module._make(tmp_path / "again", request, job, 1)
    assert max(read) <= last + 2, "no chunk of 3 photos is read after the last face that is wanted"


def test_with_the_last_face_the_work_ends_even_if_more_photos_are_in_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []

    def make_all(job: Job, queue: ChunkQueue, workers: int) -> Iterator[Chunk]:
        for index in range(queue.items):
            made.append(index)
            yield make_chunk(job, index, index + 1)

    monkeypatch.setattr(prepare_module, "make_chunks", make_all)
    job = Job(SeveralFaces(), Cropped(8, Crop()))
    prepare_module._make(tmp_path / "store", Request(("photos",), 8, limit=4), job, 1)
    assert made == [0, 1, 2, 3]


def test_rejected_files_are_listed_one_per_row(tmp_path: Path) -> None:
    names = ["a,b.jpg", 'say "cheese".jpg', "two\nlines.jpg", "fine.png", "日本.jpg"]
    source = write_zip(tmp_path / "a.zip", dict.fromkeys(names, b"") | {"fine.png": encoded(pixels(9, 9))})
    prepare(str(source), tmp_path / "store", 8, max_rejected=1)
    with (tmp_path / "store" / "rejected.csv").open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file)) == [
            ["name", "reason"],
            *([name, "the file is empty"] for name in sorted(names) if name != "fine.png"),
        ]


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.usefixtures("small_chunks")
def test_a_bomb_of_which_pillow_only_warns_is_rejected(tmp_path: Path, workers: int) -> None:
    bomb = raw_png(10000, 9000, 1, 0, b"\0" * 9000)
    source = write_zip(tmp_path / "a.zip", GOOD | {"bomb.png": bomb})
    prepare(str(source), tmp_path / "store", 8, workers=workers)
    assert rejected_names(tmp_path / "store") == ["bomb.png"]
    assert "(90000000 pixels) exceeds limit" in (tmp_path / "store" / "rejected.csv").read_text()


def test_the_table_has_only_its_header_if_nothing_is_rejected(tmp_path: Path) -> None:
    prepare(str(write_zip(tmp_path / "a.zip", GOOD)), tmp_path / "store", 8)
    assert rejected_names(tmp_path / "store") == []


def test_a_name_that_is_not_text_can_be_rejected(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / os.fsdecode(b"caf\xe9.jpg")).write_bytes(b"")
    (tmp_path / "photos" / "fine.png").write_bytes(encoded(pixels(9, 9)))
    prepare(str(tmp_path / "photos"), tmp_path / "store", 8)
    assert "caf\\udce9.jpg" in (tmp_path / "store" / "rejected.csv").read_text()


@pytest.mark.parametrize("crop", ["square", "center:100"])
def test_no_store_is_written_without_a_good_image(tmp_path: Path, crop: str) -> None:
    source = write_zip(tmp_path / "bad.zip", BAD if crop == "square" else GOOD)
    facts = (
        ("4 files", "000.bmp: not an image") if crop == "square" else ("28 files", "001.jpg: 24x11 pixels")
    )
    with refusal("source", *facts, value=source):
        prepare(str(source), tmp_path / "store", 8, crop=crop)
    assert [path.name for path in tmp_path.iterdir()] == ["bad.zip"]


def test_messages_and_progress_go_to_stderr(
    photos: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = prepare(photos, tmp_path / "store", 8)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert f"preparing {photos} at 8x8, crop square" in printed.err
    assert "28/28" in printed.err  # the progress bar
    assert "rejected=4" in printed.err
    assert "28 faces, 0.0 MB on disk" in printed.err
    assert f"fingerprint {store.fingerprint[:12]}" in printed.err
    assert f"4 files rejected, listed in {tmp_path}/store/rejected.csv" in printed.err


@pytest.mark.usefixtures("small_chunks")
def test_messages_of_libraries_about_damaged_files_are_discarded(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """libtiff writes to stderr itself, into the progress bar and without the file's name."""
    whole = encoded(pixels(64, 64), "TIFF", compression="tiff_lzw")
    damaged = whole[:200] + b"\xff" * 200 + whole[400:]
    with pytest.raises(Rejected), pillow_warnings():
        decode_face(damaged, 8, Crop())
    assert "tempfile.tif" in capfd.readouterr().err
    prepare(write_zip(tmp_path / "a.zip", GOOD | {"bad.tif": damaged}), tmp_path / "store", 8, workers=2)
    assert rejected_names(tmp_path / "store") == ["bad.tif"]
    assert "tempfile.tif" not in capfd.readouterr().err


def snapshot(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    return {
        path.name: (path.stat().st_mtime_ns, path.stat().st_ino, path.read_bytes())
        for path in folder.iterdir()
    }


def test_an_existing_store_of_the_same_request_is_only_opened(
    photos: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = prepare(photos, tmp_path / "store", 8, limit=5, workers=1)
    before = snapshot(tmp_path / "store")
    capsys.readouterr()
    again = prepare(os.path.relpath(photos), tmp_path / "store", 8, limit=5)
    printed = capsys.readouterr().err
    assert printed.count("\n") == 1
    assert f"{tmp_path / 'store'} already exists: 5 faces" in printed
    assert first.fingerprint[:12] in printed
    assert snapshot(tmp_path / "store") == before
    np.testing.assert_array_equal(all_faces(again), all_faces(first))


def test_opening_an_existing_store_decodes_nothing_and_loads_no_tensorflow(
    photos: str, tmp_path: Path
) -> None:
    prepare(photos, tmp_path / "store", 8)
    code = (
        "import sys; from pathlib import Path; from facegan_tf.data.prepare import prepare; "
        "prepare(sys.argv[1], Path(sys.argv[2]), 8); "
        "sys.exit(bool({'tensorflow', 'PIL.JpegImagePlugin'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code, photos, tmp_path / "store"], check=True, capture_output=True)


def test_sources_of_the_same_name_in_other_folders_are_told_apart(tmp_path: Path, monkeypatch) -> None:
    for name, photos in (("a", dict(list(GOOD.items())[:3])), ("b", GOOD)):
        (tmp_path / name).mkdir()
        write_zip(tmp_path / name / "photos.zip", photos)
    monkeypatch.chdir(tmp_path / "a")
    prepare("photos.zip", tmp_path / "store", 8)
    monkeypatch.chdir(tmp_path / "b")
    with refusal("out", "a/photos.zip -> ", "b/photos.zip"):
        prepare("photos.zip", tmp_path / "store", 8)


@pytest.mark.parametrize(
    ("change", "fact"),
    [
        ({"size": 16}, "size 8 -> 16"),
        ({"crop": "center:4"}, "crop square -> center:4"),
        ({"limit": None}, "limit 5 -> None"),
        ({"limit": 6, "size": 9}, "size 8 -> 9; limit 5 -> 6"),
        ({"source": "synthetic:3"}, "photos.zip -> synthetic:3"),
    ],
)
def test_a_store_with_other_settings_is_refused(photos: str, tmp_path: Path, change: dict, fact: str) -> None:
    asked = {"source": photos, "out": tmp_path / "store", "size": 8, "limit": 5}
    prepare(**asked)
    before = snapshot(tmp_path / "store")
    with refusal("out", fact, "choose another `out`", value=tmp_path / "store"):
        prepare(**asked | change)
    assert snapshot(tmp_path / "store") == before


def test_a_source_that_has_changed_is_refused(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.png").write_bytes(encoded(pixels(9, 9)))
    archive = write_zip(tmp_path / "photos.zip", {"a.png": encoded(pixels(9, 9))})
    for source in (tmp_path / "photos", archive):
        prepare(str(source), tmp_path / f"store-{source.name}", 8)
    (tmp_path / "photos" / "b.png").write_bytes(encoded(pixels(9, 9)))
    write_zip(archive, {"a.png": encoded(pixels(9, 10))})
    for source, fact in {tmp_path / "photos": "files 1 -> 2", archive: "bytes "}.items():
        with refusal("out", f"source has changed, {fact}"):
            prepare(str(source), tmp_path / f"store-{source.name}", 8)


@pytest.mark.parametrize(
    ("change", "name", "fact"),
    [
        ({"size": 7}, "size", "8 to 1024"),
        ({"size": 1025}, "size", "8 to 1024"),
        ({"limit": 0}, "limit", "1 or more"),
        ({"workers": 0}, "workers", "1 or more"),
        ({"max_rejected": 1.5}, "max_rejected", "0 to 1"),
        ({"crop": "round"}, "crop", "square, center:N"),
        ({"source": "/no/such/place"}, "source", "does not exist"),
        ({"source": "synthetic:4", "crop": "center:8"}, "crop", "synthetic:4"),
    ],
)
def test_wrong_parameters_are_refused_before_the_work(
    photos: str, tmp_path: Path, change: dict, name: str, fact: str
) -> None:
    with refusal(name, fact, value=change[name]):
        prepare(**{"source": photos, "out": tmp_path / "store", "size": 8} | change)
    assert list(tmp_path.iterdir()) == []


def test_unknown_parameters_are_refused(photos: str, tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="cores"):
        prepare(photos, tmp_path / "store", 8, cores=2)


def test_files_and_folders_in_the_way_are_left_alone(photos: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "thesis.txt").write_text("mine")
    (tmp_path / "dangling").symlink_to("gone")
    for name in ("file", "folder", "file/below", "dangling"):
        with pytest.raises(InputError):
            prepare(photos, tmp_path / name, 8)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dangling", "file", "folder"]
    assert (tmp_path / "folder" / "thesis.txt").read_text() == "mine"


def test_out_may_be_an_empty_folder_or_lack_its_parents(photos: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert len(prepare(photos, tmp_path / "empty", 8)) == 28
    assert len(prepare(photos, tmp_path / "a" / "b" / "store", 8)) == 28


def test_out_may_be_a_relative_path_with_odd_characters(
    photos: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert len(prepare(photos, Path("[a] *?"), 8)) == 28
    assert [path.name for path in tmp_path.iterdir()] == ["[a] *?"]


def test_a_store_is_neither_put_into_its_source_nor_used_as_a_source(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.png").write_bytes(encoded(pixels(9, 9)))
    with refusal("out", "inside the source folder"):
        prepare(str(tmp_path / "photos"), tmp_path / "photos" / "store", 8)
    prepare(str(tmp_path / "photos"), tmp_path / "store", 8)
    with refusal("source", "prepared store"):
        prepare(str(tmp_path / "store"), tmp_path / "other", 8)


def test_a_damaged_store_is_refused(photos: str, tmp_path: Path) -> None:
    prepare(photos, tmp_path / "store", 8)
    (tmp_path / "store" / "faces-00000-of-00001.npy").unlink()
    with refusal(None, "damaged", "missing", value=tmp_path / "store"):
        prepare(photos, tmp_path / "store", 8)


def test_too_little_room_is_refused_before_the_work(
    photos: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=32 * 512 * 512 * 3 - 1)
    monkeypatch.setattr(request_module.shutil, "disk_usage", lambda _: usage)
    with refusal("out", "needs 25.2 MB", "25.2 MB free", "`size` or `limit`"):
        prepare(photos, tmp_path / "store", 512)
    assert list(tmp_path.iterdir()) == []
    prepare(photos, tmp_path / "store", 512, limit=2)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_refused_before_the_work(photos: str, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match="no permission to write"):
        prepare(photos, tmp_path / "store", 8)


def test_a_full_disk_leaves_nothing_behind(photos: str, tmp_path: Path) -> None:
    """A limit on the size of files simulates the disk: the kernel refuses the write."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, before[1]))
    try:
        with pytest.raises(FaceganError, match="File too large") as caught:
            prepare(photos, tmp_path / "store", 16, workers=1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert caught.value.exit_code == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("small_chunks")
def test_a_worker_that_is_killed_ends_the_work(photos: str) -> None:
    job = Job(open_source(photos), Cropped(8, Crop()))
    with workers_module._Crew(job, 2) as crew:
        chunks = crew.run(ChunkQueue(32, None, 3))
        next(chunks)
        for worker in crew._workers:
            worker.process.kill()
        with pytest.raises(FaceganError, match=r"signal 9.* between 0.* and 0"):
            list(chunks)
    assert all(worker.process.returncode is not None for worker in crew._workers)


SCRIPT = """
import sys
from pathlib import Path
from facegan_tf.data.prepare import prepare
from facegan_tf.data.request import Request
print("the script runs", flush=True)
prepare(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), workers=2)
"""


def test_a_script_needs_no_main_guard_and_runs_once(photos: str, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    ended = subprocess.run(
        [sys.executable, tmp_path / "script.py", photos, tmp_path / "store", "200"],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert ended.stdout == "the script runs\n"
    assert len(FaceStore.open(tmp_path / "store")) == 28


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_running(pid: int) -> bool:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def wait_for(condition, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds the workers in Linux's /proc")
@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGKILL])
def test_after_an_interruption_there_is_no_store_and_no_worker(tmp_path: Path, stop: signal.Signals) -> None:
    large = encoded(Image.fromarray(pixels(600, 600)).resize((3000, 3000)), "JPEG", quality=50)
    source = write_zip(tmp_path / "photos.zip", {f"{k:03}.jpg": large for k in range(100)})
    # Without a save, an interruption while faces are being added keeps none of them.
    saves_every_chunk = "import facegan_tf.data.prepare as module\nmodule.SAVE_SECONDS = 0" + SCRIPT
    process = subprocess.Popen(
        [sys.executable, "-c", saves_every_chunk, source, tmp_path / "store", "400"],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    wait_for(lambda: saved_faces(tmp_path / ".store.unfinished") > 0)
    workers = children_of(process.pid)
    assert len(workers) == 2
    assert process.pid not in map(os.getpgid, workers)  # so that Ctrl-C is not for them
    os.killpg(process.pid, stop)  # as a terminal does: to the whole foreground group
    _, printed = process.communicate(timeout=20)
    assert process.returncode == -stop
    assert not (tmp_path / "store").exists()
    wait_for(lambda: not any(map(is_running, workers)))
    assert printed.count("Traceback") == printed.count("KeyboardInterrupt") == (stop == signal.SIGINT)
    left = {signal.SIGINT: set(), signal.SIGKILL: {".store.unfinished.lock"}}[stop] | {".store.unfinished"}
    assert {path.name for path in tmp_path.iterdir() if path != source} == left
    if stop == signal.SIGINT:
        assert "faces are kept; the same command continues from there" in printed
    prepare(str(source), tmp_path / "store", 8, limit=1)  # another store of this name, which replaces it
    assert sorted(path.name for path in tmp_path.iterdir()) == ["photos.zip", "store"]


NOISY = """
import logging, os, sys, warnings
sys.stdout.write("noise")
sys.stderr.write("noise")
os.write(1, b"noise")
os.write(2, b"noise")
warnings.warn("noise")
logging.getLogger("absl").error("noise")
"""


@dataclass(frozen=True)
class NoisySource:
    """A source whose library prints all that libraries print, in worker processes alone."""

    names: tuple[str, ...]
    fails: bool = False

    def content(self, index: int) -> bytes:
        return b""

    def faces(self, index: int, framing: Framing) -> list[FramedFace]:
        exec(NOISY)
        if self.fails:
            raise ZeroDivisionError("a fault of our own")
        return [FramedFace(bytes(framing.size**2 * 3))]


@pytest.mark.usefixtures("small_chunks")
def test_workers_print_nothing_of_what_libraries_print(capfd: pytest.CaptureFixture[str]) -> None:
    job = Job(NoisySource(("x",) * 9), Cropped(8, Crop()))
    chunks = list(workers_module.make_chunks(job, ChunkQueue(9, None, 3), 2))
    assert sum(len(outcome.faces) for chunk in chunks for outcome in chunk.outcomes) == 9
    assert capfd.readouterr() == ("", "")


@pytest.mark.usefixtures("small_chunks")
def test_workers_print_the_traceback_of_a_fault_of_ours(capfd: pytest.CaptureFixture[str]) -> None:
    job = Job(NoisySource(("x",) * 9, fails=True), Cropped(8, Crop()))
    with pytest.raises(FaceganError, match="exit code 1"):
        list(workers_module.make_chunks(job, ChunkQueue(9, None, 3), 2))
    printed = capfd.readouterr().err
    assert "a fault of our own" in printed
    assert "noise" not in printed.replace(NOISY, "")


@pytest.mark.usefixtures("small_chunks")
def test_one_process_does_the_work_where_workers_are_not_supported(
    photos: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(workers_module, "WORKERS_SUPPORTED", False)
    monkeypatch.setattr(workers_module, "_start_worker", None)
    store = prepare(photos, tmp_path / "store", 8, workers=4)
    np.testing.assert_array_equal(all_faces(store), good_faces())
    printed = capsys.readouterr().err
    assert "Linux or macOS" in printed
    assert "with 1 process" in printed


def touch(path: Path) -> None:
    """Give a file, or all files in a folder, another time."""
    for file in [path, *path.rglob("*")]:
        os.utime(file, (1e9, 1e9))


@pytest.mark.parametrize("kind", ["folder", "zip"])
@pytest.mark.parametrize("change", ["touched", "moved"])
def test_photos_that_were_touched_or_moved_are_the_same_photos(
    tmp_path: Path, kind: str, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "photos"
    if kind == "zip":
        write_zip(source, GOOD | BAD)
    else:
        source.mkdir()
        for name, content in (GOOD | BAD).items():
            (source / name).write_bytes(content)
    first = prepare(source, tmp_path / "store", 8, limit=20)
    if change == "touched":
        touch(source)
    else:
        source = source.rename(tmp_path / "moved")
    assert prepare(source, tmp_path / "store", 8, limit=20).fingerprint == first.fingerprint
    # From now on it is recognised without reading any photo again.
    monkeypatch.setattr("facegan_tf.data.sources.base.PhotoSource.content", None)
    monkeypatch.setattr("facegan_tf.data.sources.zipped.ZipSource.content", None)
    prepare(source, tmp_path / "store", 8, limit=20)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("facegan_tf.data.same_photos.write_manifest", lambda *_: 1 / 0)  # nothing to remember
        prepare(source, tmp_path / "store", 8, limit=20)


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_photos_that_changed_in_content_alone_are_other_photos(tmp_path: Path, kind: str) -> None:
    """Sizes and names stay, as after a swap of two photos of one size."""
    source = tmp_path / "photos"

    def write(contents: dict[str, bytes]) -> None:
        if kind == "zip":
            write_zip(source, contents)
            return
        source.mkdir(exist_ok=True)
        for name, content in contents.items():
            (source / name).write_bytes(content)

    one, two = (encoded(pixels(9, 9, seed), "BMP") for seed in (1, 2))
    write({"a.bmp": one, "b.bmp": two})
    prepare(source, tmp_path / "store", 8)
    write({"a.bmp": two, "b.bmp": one})
    with refusal("out", "source has changed, times"):
        prepare(source, tmp_path / "store", 8)


def test_the_example_in_the_documentation_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    [example] = doctest.DocTestFinder().find(prepare, globs={"prepare": prepare})
    assert doctest.DocTestRunner().run(example) == (0, 2)


def test_drawn_faces_are_prepared_like_photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from facegan_tf.data.synthetic.faces import draw_face

    monkeypatch.setattr(workers_module, "_CHUNK_ITEMS", 2)
    store = prepare("synthetic:5", tmp_path / "store", 16, workers=2)
    np.testing.assert_array_equal(all_faces(store), [draw_face(0, index, 16) for index in range(5)])
    first = prepare("synthetic:5", tmp_path / "first", 16, limit=3, workers=1)
    np.testing.assert_array_equal(all_faces(first), all_faces(store)[:3])


@pytest.mark.skipif(not CELEBA.exists(), reason=f"no {CELEBA.name} beside the checkout (../shared/data)")
def test_celeba_equals_what_plain_pillow_makes(tmp_path: Path) -> None:
    store = prepare(str(CELEBA), tmp_path / "store", 64, limit=150)
    source = open_source(str(CELEBA))
    assert store.manifest.rejected == 0
    expected = np.stack([bare_pillow(source.read(index), 64) for index in range(150)])
    np.testing.assert_array_equal(all_faces(store), expected)
