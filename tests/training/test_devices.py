"""Choosing devices. test_several_devices.py tests what several of them compute."""

import pytest
import tensorflow as tf

from facegan_tf.common.errors import FaceganError, InputError
from facegan_tf.training.devices import choose_devices


@pytest.fixture
def gpus(monkeypatch):
    """Lets TensorFlow see this many GPUs."""

    def see(count):
        found = [tf.config.PhysicalDevice(f"/physical_device:GPU:{place}", "GPU") for place in range(count)]
        monkeypatch.setattr(tf.config, "list_physical_devices", lambda _: found)

    return see


@pytest.mark.parametrize(
    ("there", "asked", "kind", "count", "by_strategy"),
    [
        (0, None, "CPU", 1, False),
        (8, None, "GPU", 1, False),
        (8, "all", "GPU", 8, True),
        (0, "all", "CPU", 1, True),
        (8, "2", "GPU", 2, True),
        (8, 2, "GPU", 2, True),
        (8, "cpu:4", "CPU", 4, True),
        (0, "1", "CPU", 1, True),
    ],
)
def test_devices_are_those_asked_for_or_one(gpus, there, asked, kind, count, by_strategy):
    gpus(there)
    chosen = choose_devices(asked)
    assert (chosen.kind, chosen.replicas, chosen.by_strategy) == (kind, count, by_strategy)


def test_idle_gpus_are_reported(gpus):
    gpus(8)
    assert "7 more are idle" in choose_devices().describe()[0]


def test_in_a_cluster_each_worker_uses_all_its_gpus(gpus):
    gpus(4)
    assert choose_devices(cluster="a:1,b:1", worker=0).replicas == 8
    assert choose_devices("2", "a:1,b:1", 0).replicas == 4


@pytest.mark.parametrize("asked", ["0", 0, "", "cpu:0", "cpu", "gpu:1", "-1", "9", "two"])
def test_other_devices_are_refused(gpus, asked):
    gpus(8)
    with pytest.raises(InputError) as refused:
        choose_devices(asked)
    assert refused.value.name == "devices"


def test_a_processor_is_not_divided_in_a_cluster(gpus):
    gpus(0)
    with pytest.raises(InputError, match="cpu:1"):
        choose_devices("cpu:2", "a:1,b:1", 0)


@pytest.mark.parametrize(("cluster", "seconds"), [(None, 60), ("a:1,b:1", 0)])
def test_a_time_to_wait_for_workers_needs_workers_and_a_second(gpus, cluster, seconds):
    gpus(0)
    with pytest.raises(InputError) as refused:
        choose_devices(None, cluster, 0 if cluster else None, seconds)
    assert (refused.value.name, refused.value.value) == ("timeout", seconds)
    assert choose_devices(None, "a:1,b:1", 0, 60).timeout == 60


def test_a_worker_that_cannot_join_the_others_says_so(gpus, monkeypatch):
    def fail(*_):
        raise tf.errors.UnknownError(None, None, "Could not start gRPC server")

    gpus(0)
    monkeypatch.setattr(tf.config, "set_visible_devices", lambda *_: None)
    monkeypatch.setattr(tf.distribute, "MultiWorkerMirroredStrategy", fail)
    with pytest.raises(FaceganError, match=r"worker 1 of 2: can't join .* b:1 \(Could not start gRPC server"):
        choose_devices(cluster="a:1,b:1", worker=1).start()


@pytest.mark.parametrize(("batch", "devices", "nearest"), [(20, 3, 21), (22, 3, 21), (3, 4, 4), (10, 4, 8)])
def test_a_batch_that_does_not_divide_is_refused_with_the_nearest_that_does(batch, devices, nearest):
    with pytest.raises(InputError, match=rf"nearest that can is {nearest}\b") as refused:
        choose_devices(f"cpu:{devices}").check_batch(batch, jit=False)
    assert refused.value.name == "training.batch_size"


def test_xla_is_refused_where_a_strategy_computes_on_cpus(gpus):
    gpus(0)
    choose_devices().check_batch(4, jit=True)
    for asked in ("cpu:1", "cpu:2", "all"):
        with pytest.raises(InputError, match=r"training\.jit"):
            choose_devices(asked).check_batch(4, jit=True)
