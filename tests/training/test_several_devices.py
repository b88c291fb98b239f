"""Several devices, several processes, one device: the same run."""

import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from facegan_tf.run.restore import restore_run
from facegan_tf.training.train import train
from tests.helpers.configs import modern_config, tiny_dcgan
from tests.helpers.paths import ROOT
from tests.helpers.runs import metrics, record

pytestmark = pytest.mark.slow

STEPS = 5
SETTINGS = {
    "training": {"steps": STEPS, "batch_size": 4, "log_every": 1, "checkpoint_every": 100},
    "grids": {"every": 100, "side": 2, "psnr_pool": 8},
    "data": {"flip": True},
}


def start(config_file, out, *flags, **environment):
    """A training in its own process; its log is `out`.log."""
    command = [sys.executable, "-m", "facegan_tf", "train", config_file, "--out", out, "--resume", *flags]
    environment = os.environ | {"PYTHONPATH": str(ROOT), **environment}
    return subprocess.Popen(
        [str(part) for part in command], stderr=subprocess.PIPE, text=True, env=environment
    )


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def ended(process, code=0):
    _, errors = process.communicate(timeout=500)
    assert process.returncode == code, errors
    assert "Traceback" not in errors
    return errors


def check_same(run, one):
    """All losses of both runs are equal except for rounding, and so are the averaged weights."""
    assert [line["step"] for line in metrics(run)] == [line["step"] for line in metrics(one)]
    for found, wanted in zip(metrics(run), metrics(one), strict=True):
        assert found == pytest.approx(wanted, rel=1e-5)
    pairs = zip(*(restore_run(each)[0].sampler.get_weights() for each in (run, one)), strict=True)
    for found, wanted in pairs:
        assert abs(found - wanted).max() <= 1e-4 * abs(wanted).max()


@pytest.mark.parametrize(("batching", "minibatch_std"), [("joint", False), ("split", True)])
def test_two_devices_train_like_one(store_folder, tmp_path, batching, minibatch_std):
    """Batch normalisation and dropout in both nets, lazy R1, a relativistic loss, an average, schedules."""
    adam = modern_config().optimizers.generator.model_dump(mode="json", by_alias=True)
    # Adam makes full steps of gradients that are nothing but rounding, unless epsilon outweighs those.
    adam |= {"epsilon": 1e-3}
    discriminator = modern_config().networks.discriminator.model_dump(mode="json")
    config = modern_config(
        store_folder,
        **SETTINGS,
        networks={"discriminator": discriminator | {"minibatch_std": minibatch_std}},
        objective={"batching": batching, "penalty_every": 2, "r2": 0.0},
        optimizers={"generator": adam, "discriminator": adam},
    )
    (tmp_path / "config.yaml").write_text(config.to_yaml())
    two = start(tmp_path / "config.yaml", tmp_path / "two", "--devices", "cpu:2")
    one = train(config, tmp_path / "one")
    assert "2 x CPU" in ended(two)
    assert record(tmp_path / "two")["compute"]["replicas"] == 2
    check_same(tmp_path / "two", one)


def start_as_slurm_does(config_file, out, *flags):
    """Two tasks of a Slurm step on this machine."""
    step = {
        "SLURM_JOB_ID": str(os.getpid()),
        "SLURM_STEP_NODELIST": "localhost",
        "SLURM_STEP_TASKS_PER_NODE": "2",
        "SLURM_STEP_NUM_TASKS": "2",
        "SLURMD_NODENAME": "localhost",
    }
    return [
        start(config_file, out, "--cluster", "slurm", *flags, **step, SLURM_PROCID=rank, SLURM_LOCALID=rank)
        for rank in ("0", "1")
    ]


def test_a_signal_to_one_worker_stops_all_and_another_number_of_devices_resumes(
    store_folder, tmp_path, capsys
):
    config, out = tiny_dcgan(store_folder, **SETTINGS), tmp_path / "run"
    (tmp_path / "config.yaml").write_text(config.to_yaml())
    # Saving after each step leaves time for the signal before the last.
    saving = ("--set", "training.steps_per_call=1", "training.checkpoint_every=1")
    workers = start_as_slurm_does(tmp_path / "config.yaml", out, *saving)
    deadline = time.monotonic() + 400
    while not (out / "checkpoints" / "step_000001").exists():
        assert all(worker.poll() is None for worker in workers) and time.monotonic() < deadline
        time.sleep(0.01)
    workers[1].send_signal(signal.SIGTERM)  # not the one that saves
    for worker in workers:
        assert "saved; resume with" in ended(worker, 128 + signal.SIGTERM)
    assert record(out)["status"] == "interrupted"
    assert 1 <= record(out)["step"] < STEPS
    one = train(config, tmp_path / "one")
    train(config, out, resume=True)
    assert "this run had replicas 2 and now has 1" in capsys.readouterr().err
    check_same(out, one)


LEAVING = """
import os, sys, time
from facegan_tf.training.devices import choose_devices
from facegan_tf.training.workers import leave_together
worker = int(sys.argv[2])
choose_devices(None, sys.argv[1], worker).start().gather(worker)
time.sleep(float(sys.argv[3]))
print(time.time(), flush=True)
leave_together(worker, 3, 60)
print(time.time(), flush=True)
os._exit(0)
"""


def test_no_worker_leaves_before_all_are_done():
    addresses = ",".join(f"127.0.0.1:{port}" for port in free_ports(3))
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", LEAVING, addresses, str(worker), seconds],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        for worker, seconds in enumerate(["1", "0", "2"])
    ]
    done, left = [], []
    for worker in workers:
        output, errors = worker.communicate(timeout=120)
        assert worker.returncode == 0 and "lost" not in errors, errors
        began, ended_at = map(float, output.split())
        done.append(began)
        left.append(ended_at)
    assert min(left) > max(done) > min(done) + 1
