"""Several devices, several processes, one device: the same run."""

import os
import signal
import subprocess
import sys
import time

import pytest

from facegan_tf.run.restore import restore_run
from facegan_tf.training.train import train
from tests.helpers.configs import modern_config
from tests.helpers.paths import ROOT
from tests.helpers.runs import metrics, record

STEPS = 8
BATCHES = {"steps": STEPS, "batch_size": 4, "critic_steps": 2, "checkpoint_every": 100}
AUGMENT = {"kinds": ["flip", "colour", "translation", "cutout"], "strength": 0.5}
GRIDS = {"every": 100, "side": 2, "psnr_pool": 8}


def start(config_file, out, *flags, **environment):
    """A training in a process of its own; its log is `out`.log."""
    command = [sys.executable, "-m", "facegan_tf", "train", config_file, "--out", out, "--resume", *flags]
    environment = os.environ | {"PYTHONPATH": str(ROOT), **environment}
    return subprocess.Popen(
        [str(part) for part in command], stderr=subprocess.PIPE, text=True, env=environment
    )


def ended(process, code=0):
    _, errors = process.communicate(timeout=500)
    assert process.returncode == code, errors
    assert "Traceback" not in errors
    return errors


@pytest.fixture(scope="module")
def config(store_folder):
    """Batch normalisation and dropout in both nets, lazy R1 and R2, a relativistic loss, an average."""
    return modern_config(store_folder, training=BATCHES, augment=AUGMENT, grids=GRIDS, data={"flip": True})


@pytest.fixture(scope="module")
def config_file(config, tmp_path_factory):
    path = tmp_path_factory.mktemp("several") / "config.yaml"
    path.write_text(config.to_yaml())
    return path


@pytest.fixture(scope="module")
def one_device(config, tmp_path_factory):
    return train(config, tmp_path_factory.mktemp("one") / "run")


def check_same(run, one):
    """All losses of both runs are equal but for rounding, and so are the averaged weights."""
    assert [line["step"] for line in metrics(run)] == [line["step"] for line in metrics(one)]
    for found, wanted in zip(metrics(run), metrics(one), strict=True):
        assert found == pytest.approx(wanted, rel=1e-5)
    pairs = zip(*(restore_run(each)[0].sampler.get_weights() for each in (run, one)), strict=True)
    for found, wanted in pairs:
        assert abs(found - wanted).max() <= 1e-4 * abs(wanted).max()


def test_two_devices_train_like_one(config_file, one_device, tmp_path):
    errors = ended(start(config_file, tmp_path / "run", "--devices", "cpu:2"))
    assert "2 x CPU" in errors
    assert record(tmp_path / "run")["compute"]["replicas"] == 2
    check_same(tmp_path / "run", one_device)


def test_workers_stop_together_and_go_on_as_another_number_of_devices(config_file, one_device, tmp_path):
    """Slurm's variables, for two tasks on this machine; SIGTERM to the one that writes nothing."""
    out, job = tmp_path / "run", os.getpid()
    common = {"SLURM_STEP_NODELIST": "localhost", "SLURM_STEP_TASKS_PER_NODE": "2"}
    common |= {"SLURM_STEP_NUM_TASKS": "2", "SLURM_JOB_ID": str(job), "SLURMD_NODENAME": "localhost"}
    workers = [
        start(
            config_file,
            out,
            *("--cluster", "slurm", "--set", "training.steps_per_call=1", "training.steps=1000000"),
            **common,
            SLURM_PROCID=str(number),
            SLURM_LOCALID=str(number),
        )
        for number in range(2)
    ]
    deadline = time.monotonic() + 400
    while not (out / "metrics.jsonl").exists() or not metrics(out):
        assert all(worker.poll() is None for worker in workers) and time.monotonic() < deadline
        time.sleep(0.02)
    workers[1].send_signal(signal.SIGTERM)
    for worker in workers:
        ended(worker, 128 + signal.SIGTERM)
    stopped_at = record(out)["step"]
    assert stopped_at >= 1
