"""Starts of TensorFlow in processes of their own, most of them of a stand-in that is as noisy."""

import os
import subprocess
import sys

import pytest

NOISE = (
    "E0000 00:00:1795628169.849777   11091 cuda_platform.cc:52] failed call to cuInit: UNKNOWN ERROR (303)"
)
STAND_IN = f"""
import os, sys
os.write(2, b"WARNING: All log messages before absl::InitializeLog() is called are written to STDERR\\n")
os.write(2, b"{NOISE}\\n")
print("from Python", file=sys.stderr)
FAILURE
class config:
    list_physical_devices = staticmethod(lambda kind: GPUS)
"""
START = """
import sys
from pathlib import Path
from facegan_tf.common import tensorflow_start
tensorflow_start.NVIDIA_DRIVER = Path(sys.argv[1])
print("before", file=sys.stderr)
tensorflow_start.start_tensorflow()
print("after", file=sys.stderr)
"""


def environment(**changes):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TF_", "CUDA_"))}
    return kept | changes


@pytest.fixture
def start(tmp_path):
    def start(failure="", gpus="[]", driver="/no/driver", **changes):
        (tmp_path / "tensorflow.py").write_text(STAND_IN.replace("FAILURE", failure).replace("GPUS", gpus))
        search = os.pathsep.join([str(tmp_path), *sys.path])
        return subprocess.run(
            [sys.executable, "-c", START, driver],
            env=environment(PYTHONPATH=search, **changes),
            capture_output=True,
            text=True,
            check=False,
        )

    return start


@pytest.mark.parametrize("level", [{}, {"TF_CPP_MIN_LOG_LEVEL": "2"}, {"TF_CPP_MIN_LOG_LEVEL": "3"}])
def test_the_noise_of_the_start_is_hidden(start, level):
    assert start(**level).stderr == "before\nafter\n"


@pytest.mark.parametrize("level", ["0", "1"])
def test_a_user_may_see_everything(start, level):
    shown = start(TF_CPP_MIN_LOG_LEVEL=level).stderr
    assert NOISE in shown and "from Python" in shown


def test_a_failed_import_shows_everything(start):
    ended = start(failure="raise ImportError('no such library')")
    assert ended.returncode == 1
    assert NOISE in ended.stderr and "ImportError: no such library" in ended.stderr


def test_a_crash_of_the_process_is_not_silent(start):
    ended = start(failure="os.abort()")
    assert ended.returncode < 0
    assert "tensorflow.py" in ended.stderr


def test_an_unusable_gpu_is_reported_on_one_line(start):
    before, note, after = start(driver="/").stderr.splitlines()
    assert (before, after) == ("before", "after")
    assert "failed call to cuInit: UNKNOWN ERROR (303)" in note and "nvidia-smi" in note and "CPU" in note


def test_an_unusable_gpu_is_reported_to_those_who_see_everything_too(start):
    assert "nvidia-smi" in start(driver="/", TF_CPP_MIN_LOG_LEVEL="0").stderr


@pytest.mark.parametrize(
    "changes", [{"gpus": "['GPU:0']"}, {"CUDA_VISIBLE_DEVICES": "-1"}, {"CUDA_VISIBLE_DEVICES": ""}]
)
def test_nothing_is_reported_where_the_gpu_works_or_is_turned_off(start, changes):
    assert start(driver="/", **changes).stderr == "before\nafter\n"


def test_a_closed_stderr_is_no_obstacle(tmp_path):
    code = (
        "import os; os.close(2); from facegan_tf.common.tensorflow_start import start_tensorflow as start\n"
    )
    (tmp_path / "tensorflow.py").write_text("class config:\n    list_physical_devices = lambda kind: []")
    search = os.pathsep.join([str(tmp_path), *sys.path])
    ended = subprocess.run(
        [sys.executable, "-c", code + "start(); print('done')"],
        env=environment(PYTHONPATH=search),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.stdout == "done\n"


@pytest.mark.slow
def test_the_real_tensorflow_starts_in_silence():
    ended = subprocess.run(
        [sys.executable, "-m", "facegan_tf", "info", "configs/quickstart.yaml"],
        env=environment(PYTHONPATH=os.pathsep.join(sys.path)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0
    assert ended.stderr == ""
