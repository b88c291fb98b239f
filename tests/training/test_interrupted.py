"""Trainings as processes of their own: signalled, hung up, killed."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from facegan_tf.run.directory import checkpoint_steps
from tests.helpers.configs import tiny_config

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def endless(store_folder, tmp_path):
    """Command of a training that never ends by itself, in tmp_path/run."""
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
    assert json.loads((run / "run.json").read_text())["status"] == "interrupted"


@pytest.mark.parametrize(
    ("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGUSR1, 138)]
)
def test_a_signal_saves_and_leaves(endless, tmp_path, signum, code):
    out = tmp_path / "run"
    with subprocess.Popen(endless, stderr=subprocess.PIPE, text=True) as process:
        wait_for(out / "grids" / "step_000002.png", process)
        refused = subprocess.run([*endless, "--resume"], capture_output=True, text=True)
        process.send_signal(signum)
        _, errors = process.communicate(timeout=120)
    assert process.returncode == code
    assert f"{signum.name}: finishing this step, then saving" in errors
    assert "Traceback" not in errors
    check_saved(out)
    # And while it was at work, no second one was let in.
    assert refused.returncode == 2
    assert f"another training is running there: process {process.pid} on" in refused.stderr


def test_a_closed_terminal_saves_and_leaves(endless, tmp_path):
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
    os.close(ours)  # the kernel hangs up on all who have it as their terminal
    assert process.wait(timeout=120) == 128 + signal.SIGHUP
    check_saved(tmp_path / "run")


def test_a_training_that_is_killed_again_and_again_ends_as_if_nothing_had_been(store_folder, tmp_path):
    config = tiny_config(
        store_folder,
        training={"steps": 3000, "checkpoint_every": 20},
        grids={"every": 10, "side": 2, "psnr_pool": 8, "epochs": [10]},
    )
    (tmp_path / "long.yaml").write_text(config.to_yaml())
    script = [sys.executable, REPOSITORY / "tools" / "kill_training.py", tmp_path / "long.yaml"]
    kills = ["--kills", "2", "--seed", "1", "--out", tmp_path / "kills", "--set", "training.steps=600"]
    done = subprocess.run([*script, *kills], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 kills: " in done.stdout
    assert "different: none; half-written: none" in done.stdout
