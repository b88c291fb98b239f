import json
import os
import subprocess
import sys

import pytest

from facegan_tf.run.environment import changes, environment
from tests.helpers.configs import tiny_config


def test_the_same_environment_has_no_changes():
    assert not list(changes(json.loads(json.dumps(environment()))))


@pytest.mark.parametrize(
    ("block", "name", "was"),
    [
        ("versions", "tensorflow", "2.0.0"),
        ("versions", "keras", "3.0.0"),
        ("compute", "threads", 96),
        ("compute", "instructions", "sse2"),
        ("compute", "device", "a GPU"),
        ("compute", "onednn", "0"),
    ],
)
def test_what_bits_depend_on_is_told(block, name, was):
    record = environment()
    record[block] = record[block] | {name: was}
    now = environment()[block][name]
    assert list(changes(record)) == [
        f"note: this run had {name} {was}, now it is {now}: it may end in other bits than if it had never "
        "stopped"
    ]


def test_another_host_changes_no_bits():
    record = environment()
    record["host"] = {"name": "elsewhere", "platform": "another kernel", "cores": 1}
    assert not list(changes(record))


def test_a_resumed_run_has_the_threads_that_it_began_with(store_folder, tmp_path):
    def trained(run, steps, threads):
        config = tiny_config(store_folder, training={"steps": steps, "checkpoint_every": 2})
        (tmp_path / "config.yaml").write_text(config.to_yaml())
        command = [
            sys.executable,
            "-m",
            "facegan_tf",
            "train",
            tmp_path / "config.yaml",
            "--resume",
            "--out",
            run,
        ]
        environ = os.environ | {"TF_NUM_INTRAOP_THREADS": str(threads)}
        return subprocess.run(command, check=True, capture_output=True, text=True, env=environ).stderr

    run = tmp_path / "run"
    trained(run, 2, threads=3)
    assert json.loads((run / "run.json").read_text())["compute"]["threads"] == 3
    said = trained(run, 4, threads=1)
    assert "note: this run had threads" not in said
    assert json.loads((run / "run.json").read_text())["compute"]["threads"] == 3
