"""What `facegan prepare` leaves behind when it is killed, or when the disk is full: a whole store or none."""

import contextlib
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from facegan_tf.data.prepare import prepare
from facegan_tf.data.store import FaceStore
from facegan_tf.data.synthetic.faces import draw_face
from tests.helpers.photos import bare_pillow, encoded, pixels, write_zip

ROOT = Path(__file__).resolve().parents[2]
PAGE = 4096
SIZE = 16
GOOD = {f"{k:02}.png": encoded(pixels(20, 20, k)) for k in range(16)}  # 12,288 bytes as faces: three pages
ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}


def run(*arguments: object, limit: int | None = None, stderr: int | None = None) -> tuple[int, str]:
    """Exit code and stderr of a `facegan`; `limit` is the most bytes that a file of it may have."""

    def limited() -> None:
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    ended = subprocess.run(
        [sys.executable, "-m", "facegan_tf", *map(str, arguments)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE if stderr is None else stderr,
        env=ENVIRONMENT,
        preexec_fn=limited,
        timeout=120,
    )
    return ended.returncode, (ended.stderr or b"").decode()


def faces(store: FaceStore) -> np.ndarray:
    return store.gather(np.arange(len(store)))


def good_faces() -> np.ndarray:
    return np.stack([bare_pillow(GOOD[name], SIZE) for name in sorted(GOOD)])


def photos(folder: Path, bad: int = 2, name_length: int = 10) -> Path:
    """A zip of so many bad files, which fill rejected.csv, and then 16 good photos."""
    names = [f"!bad{k:03}".ljust(name_length, "x") for k in range(bad)]
    return write_zip(folder / "photos.zip", GOOD | dict.fromkeys(names, b"no photo"))


@contextlib.contextmanager
def mounted(folder: Path, pages: int) -> Iterator[Path]:
    """A disk of so many pages in the folder; skips the test where none can be mounted."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={pages * PAGE}", "none", str(folder)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"a small disk can't be mounted here: {error}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)  # stores are still mapped


def fill(disk: Path, free_pages: int) -> Path:
    """Fill the disk up to so many pages, by a file."""
    status = os.statvfs(disk)
    filler = disk / "filler"
    filler.write_bytes(bytes(status.f_bavail * status.f_frsize - free_pages * PAGE))
    assert os.statvfs(disk).f_bavail * status.f_frsize == free_pages * PAGE
    return filler


@pytest.mark.skipif(os.sysconf("SC_PAGESIZE") != PAGE, reason=f"counts in pages of {PAGE} bytes")
def test_a_disk_that_fills_up_in_the_work_leaves_what_was_whole_before(tmp_path: Path) -> None:
    """The pixels take three pages and the check of room asks for no more, then all files need six."""
    source = photos(tmp_path)
    undisturbed = prepare(source, tmp_path / "undisturbed", SIZE, limit=16)
    with mounted(tmp_path / "disk", pages=20) as disk:
        before = prepare("synthetic:3", disk / "before", SIZE)
        arguments = ("prepare", source, "--out", disk / "store", "--size", SIZE, "--limit", 16)
        for free, what in {2: None, 3: "shard", 4: "rejected.csv", 5: "manifest.json", 6: None}.items():
            filler = fill(disk, free)
            code, said = run(*arguments)
            filler.unlink()
            assert "Traceback" not in said
            left = sorted(path.name for path in disk.iterdir())
            if what:
                assert (code, left) == (1, ["before"]), f"{what}: {said}"
                words = (
                    f"facegan prepare: the store {disk / 'store'} can't be written: No space left on device"
                )
                assert said.splitlines()[-1] == words
            elif free == 2:
                assert (code, left) == (2, ["before"])
                assert "the store needs 0.0 MB" in said
            else:
                assert (code, left) == (0, ["before", "store"])
            np.testing.assert_array_equal(
                faces(FaceStore.open(disk / "before")), [draw_face(0, index, SIZE) for index in range(3)]
            )
        assert before.fingerprint == FaceStore.open(disk / "before").fingerprint
        after = FaceStore.open(disk / "store")
        assert after.fingerprint == undisturbed.fingerprint
        np.testing.assert_array_equal(faces(after), good_faces())
        rejected = (tmp_path / "undisturbed" / "rejected.csv").read_bytes()
        assert (disk / "store" / "rejected.csv").read_bytes() == rejected


@pytest.mark.parametrize(("limit", "bad"), [(12_000, 2), (13_000, 100)], ids=["shard", "rejected.csv"])
def test_a_file_that_may_not_grow_is_an_error_and_gone(tmp_path: Path, limit: int, bad: int) -> None:
    """The kernel refuses the write, as a full disk does, where none can be mounted. A shard: 12,416 bytes."""
    source = photos(tmp_path, bad, name_length=200)
    arguments = ("prepare", source, "--out", tmp_path / "store", "--size", SIZE, "--max-rejected", 1)
    code, said = run(*arguments, limit=limit)
    assert code == 1, said
    assert said.splitlines()[-1] == (
        f"facegan prepare: the store {tmp_path / 'store'} can't be written: File too large"
    )
    assert "Traceback" not in said
    assert [path.name for path in tmp_path.iterdir()] == ["photos.zip"]
    assert run(*arguments)[0] == 0
    np.testing.assert_array_equal(faces(FaceStore.open(tmp_path / "store")), good_faces())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, where nothing can be written")
def test_a_log_that_cannot_be_written_ends_it_without_a_store(tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        code, _ = run(
            "prepare", photos(tmp_path), "--out", tmp_path / "store", "--size", SIZE, stderr=full.fileno()
        )
    assert code == 1
    assert [path.name for path in tmp_path.iterdir()] == ["photos.zip"]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds the workers in Linux's /proc")
def test_killed_at_random_moments_it_goes_through_in_the_end_as_if_it_never_had_been(tmp_path: Path) -> None:
    """All of it, only the main process, only a worker; the script does it as often as it is asked to."""
    large = {f"{k:03}.png": encoded(pixels(300, 300, k), compress_level=1) for k in range(60)}
    source = write_zip(tmp_path / "photos.zip", large | {"a.txt": b"no photo", "b.jpg": b""})
    ended = subprocess.run(
        [sys.executable, ROOT / "tools" / "kill_prepare.py", source, "--kills", "3"],
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ended.stdout.count(" killed after ") == 3
    assert ended.stdout.endswith("is the undisturbed store byte by byte, and nothing else is left\n")
