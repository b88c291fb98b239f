import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from facegan_tf.run import environment as module
from facegan_tf.run.environment import differences, environment
from tests.helpers.configs import tiny_config


def test_the_same_environment_has_no_differences():
    assert not list(differences(json.loads(json.dumps(environment()))))


@pytest.mark.parametrize(
    ("block", "name", "before"),
    [
        ("versions", "tensorflow", "2.0.0"),
        ("versions", "keras", "3.0.0"),
        ("compute", "replicas", 2),
        ("compute", "threads", 96),
        ("compute", "instructions", "sse2"),
        ("compute", "device", "a GPU"),
        ("compute", "onednn", "0"),
    ],
)
def test_everything_that_bits_depend_on_is_reported(block, name, before):
    record = environment()
    record[block] = record[block] | {name: before}
    now = environment()[block][name]
    assert list(differences(record)) == [
        f"note: this run had {name} {before} and now has {now}: its bits may differ from those of a run that "
        "never stopped"
    ]


def test_a_run_without_a_number_of_devices_had_one():
    record = environment()
    del record["compute"]["replicas"]
    assert not list(differences(record))
    assert "had replicas 1 and now has 2" in next(differences(record, replicas=2))


def test_another_host_changes_no_bits():
    record = environment()
    record["host"] = {"name": "elsewhere", "platform": "another kernel", "cores": 1}
    assert not list(differences(record))


def test_without_linux_the_architecture_stands_in_for_the_instruction_set(monkeypatch):
    def missing(path, **options):
        raise FileNotFoundError(path)

    monkeypatch.setattr(Path, "read_text", missing)
    assert module._instructions() == platform.machine()


@pytest.mark.slow
def test_a_resumed_run_has_as_many_threads_as_it_began_with(store_folder, tmp_path):
    def trained(run, steps, threads):
        config = tiny_config(store_folder, training={"steps": steps, "checkpoint_every": 2})
        (tmp_path / "config.yaml").write_text(config.to_yaml())
        command = [sys.executable, "-m", "facegan_tf", "train", tmp_path / "config.yaml", "--resume"]
        environ = os.environ | {"TF_NUM_INTRAOP_THREADS": str(threads)}
        done = subprocess.run(
            [*command, "--out", run], check=True, capture_output=True, text=True, env=environ
        )
        return done.stderr

    run = tmp_path / "run"
    trained(run, 2, threads=3)
    assert json.loads((run / "run.json").read_text())["compute"]["threads"] == 3
    messages = trained(run, 4, threads=1)
    assert "note: this run had threads" not in messages
    assert json.loads((run / "run.json").read_text())["compute"]["threads"] == 3
