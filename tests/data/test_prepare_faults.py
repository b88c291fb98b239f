"""`facegan prepare` leaves a complete store or none, when it is killed or the disk is full."""

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
    """Run `facegan`; return its exit code and stderr. limit: most bytes of a file that it may write."""

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
    """A zip of `bad` bad files, which fill rejected.csv, and then 16 good photos."""
    names = [f"!bad{k:03}".ljust(name_length, "x") for k in range(bad)]
    return write_zip(folder / "photos.zip", GOOD | dict.fromkeys(names, b"not a photo"))


@contextlib.contextmanager
def mounted(folder: Path, pages: int) -> Iterator[Path]:
    """A disk of `pages` pages in the folder; skips the test where none can be mounted."""
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
    """Write a file that leaves `free_pages` pages free on the disk."""
    status = os.statvfs(disk)
    filler = disk / "filler"
    filler.write_bytes(bytes(status.f_bavail * status.f_frsize - free_pages * PAGE))
    assert os.statvfs(disk).f_bavail * status.f_frsize == free_pages * PAGE
    return filler


@pytest.mark.skipif(os.sysconf("SC_PAGESIZE") != PAGE, reason=f"counts in pages of {PAGE} bytes")
def test_a_disk_that_fills_up_leaves_only_the_stores_that_were_complete(tmp_path: Path) -> None:
    """The pixels take three pages, for which the room is checked; all files together need six."""
    source = photos(tmp_path)
    undisturbed = prepare(source, tmp_path / "undisturbed", SIZE, limit=16)
    with mounted(tmp_path / "disk", pages=20) as disk:
        before = prepare("synthetic:3", disk / "before", SIZE)
        arguments = ("prepare", source, "--out", disk / "store", "--size", SIZE, "--limit", 16)
        for free, what in {2: None, 3: "shard", 4: "rejected.csv", 5: "manifest.json", 6: None}.items():
            filler = fill(disk, free)
            code, printed = run(*arguments)
            filler.unlink()
            assert "Traceback" not in printed
            left = sorted(path.name for path in disk.iterdir())
            if what:
                assert (code, left) == (1, ["before"]), f"{what}: {printed}"
                last = printed.splitlines()[-1]
                assert str(disk / "store") in last
                assert "No space left on device" in last
            elif free == 2:
                assert (code, left) == (2, ["before"])
                assert "needs 0.0 MB" in printed
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
def test_a_file_that_may_not_grow_ends_the_work_and_leaves_nothing(
    tmp_path: Path, limit: int, bad: int
) -> None:
    """The kernel refuses the write, as with a full disk, which needs no mount. A shard has 12,416 bytes."""
    source = photos(tmp_path, bad, name_length=200)
    arguments = ("prepare", source, "--out", tmp_path / "store", "--size", SIZE, "--max-rejected", 1)
    code, printed = run(*arguments, limit=limit)
    assert code == 1, printed
    assert "File too large" in printed.splitlines()[-1]
    assert "Traceback" not in printed
    assert [path.name for path in tmp_path.iterdir()] == ["photos.zip"]
    assert run(*arguments)[0] == 0
    np.testing.assert_array_equal(faces(FaceStore.open(tmp_path / "store")), good_faces())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, where nothing can be written")
def test_no_store_is_left_if_messages_cannot_be_written(tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        code, _ = run(
            "prepare", photos(tmp_path), "--out", tmp_path / "store", "--size", SIZE, stderr=full.fileno()
        )
    assert code == 1
    assert [path.name for path in tmp_path.iterdir()] == ["photos.zip"]


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds the workers in Linux's /proc")
def test_kills_at_random_moments_change_nothing_in_the_final_store(tmp_path: Path) -> None:
    """The victims are all processes, only the main one, and only a worker."""
    large = {f"{k:03}.png": encoded(pixels(300, 300, k), compress_level=1) for k in range(60)}
    source = write_zip(tmp_path / "photos.zip", large | {"a.bmp": b"not a photo", "b.jpg": b""})
    ended = subprocess.run(
        [sys.executable, ROOT / "tools" / "kill_prepare.py", source, "--kills", "3"],
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ended.stdout.count(" killed after ") == 3
    assert ended.stdout.endswith("the store equals the undisturbed one, and nothing else is left\n")
