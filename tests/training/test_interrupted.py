"""Trainings in processes of their own, which get signals, lose their terminal, or are killed."""

import os
import signal
import subprocess
import sys
import time

import pytest

from facegan_tf.run.directory import checkpoint_steps
from tests.helpers.configs import tiny_config
from tests.helpers.paths import ROOT
from tests.helpers.runs import record

pytestmark = pytest.mark.slow


@pytest.fixture
def endless(store_folder, tmp_path):
    """The command for a training in tmp_path/run that never ends by itself."""
    config = tiny_config(store_folder, training={"steps": 10**6, "checkpoint_every": 10**6})
    (tmp_path / "endless.yaml").write_text(config.to_yaml())
    return [sys.executable, "-m", "facegan_tf", "train", tmp_path / "endless.yaml", "--out", tmp_path / "run"]


def wait_for(path, process):
    deadline = time.monotonic() + 240
    while not path.exists():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)


def check_saved(run):
    [saved] = checkpoint_steps(run / "checkpoints")
    assert saved >= 2
    assert record(run)["status"] == "interrupted"


@pytest.mark.parametrize(
    ("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGUSR1, 138)]
)
def test_on_a_signal_the_training_saves_and_exits(endless, tmp_path, signum, code):
    out = tmp_path / "run"
    with subprocess.Popen(endless, stderr=subprocess.PIPE, text=True) as process:
        wait_for(out / "grids" / "step_000002.png", process)
        process.send_signal(signum)
        _, errors = process.communicate(timeout=120)
    assert process.returncode == code
    assert f"{signum.name}: " in errors
    assert "Traceback" not in errors
    check_saved(out)


def test_when_its_terminal_closes_the_training_saves_and_exits(endless, tmp_path):
    ours, theirs = os.openpty()
    own_terminal = (
        "import fcntl, os, sys, termios\n"
        "fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
        "os.execv(sys.argv[1], sys.argv[1:])"
    )
    command = [sys.executable, "-c", own_terminal, *map(str, endless)]
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True)
    os.close(theirs)
    wait_for(tmp_path / "run" / "grids" / "step_000002.png", process)
    os.close(ours)  # the kernel sends SIGHUP to all processes of this terminal
    assert process.wait(timeout=120) == 128 + signal.SIGHUP
    check_saved(tmp_path / "run")


def test_a_training_that_is_killed_twice_ends_as_if_nothing_had_happened(store_folder, tmp_path):
    config = tiny_config(
        store_folder,
        training={"steps": 100, "checkpoint_every": 20},
        grids={"every": 10, "side": 2, "psnr_pool": 8, "epochs": [3, 10]},
    )
    (tmp_path / "long.yaml").write_text(config.to_yaml())
    command = [sys.executable, ROOT / "tools" / "kill_training.py", tmp_path / "long.yaml"]
    options = ["--kills", "2", "--seed", "1", "--longest-wait", "0.5", "--out", tmp_path / "kills"]
    done = subprocess.run([*command, *options], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 kills: " in done.stdout
    assert "different: none; half-written: none" in done.stdout
