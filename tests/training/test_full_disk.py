"""A disk that fills up during training: a small file system, or a limit on file sizes."""

import contextlib
import json
import resource
import subprocess

import keras
import pytest

from facegan_tf import train
from facegan_tf.common.errors import FaceganError
from facegan_tf.model.state import weights_sha256
from facegan_tf.run.restore import restore_run
from facegan_tf.serving.generator import load_generator
from tests.helpers.configs import tiny_config

pytestmark = pytest.mark.slow


class SmallDisk:
    """A small file system, filled to the last byte."""

    def __init__(self, folder):
        self.folder, self.filler = folder, folder / "filler"

    def fill(self):
        with contextlib.suppress(OSError), self.filler.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))

    def free(self):
        self.filler.unlink()


class SizeLimit:
    """A limit: no file of this process may grow any more."""

    def __init__(self, folder):
        self.folder = folder

    def fill(self):
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))

    def free(self):
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


@pytest.fixture(params=[SmallDisk, SizeLimit])
def disk(request, tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    if request.param is SizeLimit:
        limit = SizeLimit(folder)
        yield limit
        limit.free()
        return
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", folder], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.decode().strip()}")
    yield SmallDisk(folder)
    subprocess.run(["umount", "-l", folder], check=True)


class FillAt(keras.callbacks.Callback):
    def __init__(self, disk, batch):
        super().__init__()
        self.disk, self.batch = disk, batch

    def on_train_batch_begin(self, batch, logs=None):
        if batch == self.batch:
            self.disk.fill()


@pytest.mark.parametrize("victim", ["a line of the log", "a checkpoint"])
def test_a_full_disk_is_a_clear_error_and_with_room_again_the_run_resumes_exactly(
    store_folder, tmp_path, disk, victim
):
    often = {"a line of the log": (1, 2), "a checkpoint": (100, 100)}[victim]
    config = tiny_config(
        store_folder,
        training={"steps": 8, "checkpoint_every": 3, "log_every": often[0]},
        grids={"every": often[1], "side": 2, "psnr_pool": 8},
    )
    run = disk.folder / "run"
    with pytest.raises(FaceganError) as caught:
        train(config, run, callbacks=[FillAt(disk, 4)])
    disk.free()
    assert caught.value.exit_code == 1
    assert f"facegan train {run} --resume" in str(caught.value)
    for line in (run / "metrics.jsonl").read_text().splitlines() if often[0] == 1 else ():
        json.loads(line)
    assert restore_run(run)[0].steps_done == 3
    assert load_generator(run).sample([1]).shape == (1, 32, 32, 3)

    train(config, run, resume=True)
    straight = train(config, tmp_path / "straight")
    assert weights_sha256(restore_run(run)[0]) == weights_sha256(restore_run(straight)[0])
    for name in ("metrics.jsonl", "psnr.jsonl", "training.gif"):
        assert (run / name).read_bytes() == (straight / name).read_bytes()
    assert not list(run.rglob(".*partial*"))
