import subprocess
import sys

import pytest

from facegan_tf.common.errors import InputError
from facegan_tf.run.lock import locked

HOLD = """
import sys, time
from pathlib import Path
from facegan_tf.training.lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds tmp_path."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, tmp_path], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_second_one_is_refused_and_told_who_is_there(holder, tmp_path):
    with (
        pytest.raises(InputError, match=rf"another training is at work there: process {holder.pid} on "),
        locked(tmp_path),
    ):
        pass


def test_a_killed_process_is_in_no_ones_way(holder, tmp_path):
    holder.kill()
    holder.wait()
    with locked(tmp_path):
        pass


def test_it_is_free_again_afterwards_also_after_an_error(tmp_path):
    for _ in range(2):
        with pytest.raises(RuntimeError), locked(tmp_path):
            raise RuntimeError
    with locked(tmp_path), pytest.raises(InputError), locked(tmp_path):  # our own process is no exception
        pass
