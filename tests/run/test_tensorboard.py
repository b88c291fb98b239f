import resource
import subprocess
import sys

import numpy as np
import psutil
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from facegan_tf.run.tensorboard import EventLog


def read(folder):
    events = EventAccumulator(str(folder), size_guidance={"tensors": 0})
    events.Reload()
    return {tag: [event.step for event in events.Tensors(tag)] for tag in events.Tags().get("tensors", ())}


def fill(folder, steps):
    log = EventLog(folder)
    for step in steps:
        log.add_scalars(step, {"loss": step / 2, "scores/fid": 1.0})
        log.add_picture(step, "faces", np.full((2, 3, 3), step, np.uint8))
    return log


def test_tensorboard_reads_what_was_logged(tmp_path):
    fill(tmp_path, [1, 2, 5])
    assert read(tmp_path) == {name: [1, 2, 5] for name in ("loss", "scores/fid", "faces")}
    events = EventAccumulator(str(tmp_path)).Reload()
    assert [event.tensor_proto.float_val[0] for event in events.Tensors("loss")] == [0.5, 1.0, 2.5]
    width, height, png = events.Tensors("faces")[0].tensor_proto.string_val
    assert (width, height, png[:4]) == (b"3", b"2", b"\x89PNG")


def test_after_it_is_closed_a_log_continues_in_another_file(tmp_path):
    log = fill(tmp_path, [1])
    [first] = tmp_path.iterdir()
    assert str(first) in open_files()
    log.close()
    assert str(first) not in open_files()
    size = first.stat().st_size
    log.close()
    log.add_scalars(2, {"loss": 1.0})
    assert first.stat().st_size == size and len(list(tmp_path.iterdir())) == 2
    assert read(tmp_path) == {"loss": [1, 2], "scores/fid": [1], "faces": [1]}


def open_files():
    return [file.path for file in psutil.Process().open_files()]


def test_dropped_records_are_gone_and_can_be_logged_again(tmp_path):
    fill(tmp_path, range(1, 8))
    log = EventLog(tmp_path)
    log.keep(lambda name, step: step <= 4 and (name != "faces" or step % 2 == 0))
    assert read(tmp_path) == {"loss": [1, 2, 3, 4], "scores/fid": [1, 2, 3, 4], "faces": [2, 4]}
    log.add_scalars(5, {"loss": 0.0})
    assert read(tmp_path)["loss"] == [1, 2, 3, 4, 5]


@settings(max_examples=25, deadline=None)
@given(cut=st.integers(1, 900), again=st.integers(0, 6))
def test_a_file_cut_off_and_one_written_twice_leave_each_step_once(tmp_path_factory, cut, again):
    folder = tmp_path_factory.mktemp("log")
    fill(folder, range(1, 5)).close()
    [file] = folder.iterdir()
    file.write_bytes(file.read_bytes()[:-cut])  # as after a crash
    whole = read(folder)
    fill(folder, range(1, 1 + again)).close()  # the same steps, in a file of their own
    EventLog(folder).keep(lambda name, step: True)
    expected = {
        name: list(range(1, 1 + max(len(whole.get(name, ())), again)))
        for name in ("loss", "scores/fid", "faces")
    }
    assert read(folder) == {name: steps for name, steps in expected.items() if steps}


def test_dropping_everything_leaves_an_empty_log(tmp_path):
    fill(tmp_path, [1]).close()
    EventLog(tmp_path).keep(lambda name, step: False)
    assert read(tmp_path) == {}


def test_a_full_disk_while_records_are_dropped_is_an_error_and_loses_nothing(tmp_path):
    fill(tmp_path, range(1, 9)).close()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(OSError):
            EventLog(tmp_path).keep(lambda name, step: True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert read(tmp_path)["loss"] == list(range(1, 9))
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.slow
def test_a_full_disk_while_logging_is_an_error_and_earlier_records_stay(tmp_path):
    code = (
        "import resource, signal, sys; from pathlib import Path\n"
        "from facegan_tf.run.tensorboard import EventLog\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))\n"
        "log = EventLog(Path(sys.argv[1]))\n"
        "try:\n"
        "    for step in range(1000): log.add_scalars(step, {'loss': 1.0})\n"
        "except OSError as error: print(error.filename, step)\n"
    )
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] == resource.RLIM_INFINITY
    done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=True)
    name, step = done.stdout.split()
    assert name.startswith(str(tmp_path))
    EventLog(tmp_path).keep(lambda name, step: True)
    assert read(tmp_path)["loss"] == list(range(int(step)))


@pytest.mark.parametrize("content", [b"", b"no records", "a record that is not an event"])
def test_a_file_without_records_of_ours_is_dropped(tmp_path, content):
    path = tmp_path / "events.out.tfevents.1.host"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        with tf.io.TFRecordWriter(str(path)) as writer:
            writer.write(b"\xff\xff")
    fill(tmp_path, [1]).close()
    EventLog(tmp_path).keep(lambda name, step: True)
    assert read(tmp_path)["loss"] == [1]
