import os
import shutil
from dataclasses import replace

import pytest
import tensorflow as tf
import yaml
from tensorflow.python.client import device_lib

from facegan_tf.cli import main
from facegan_tf.common import memory
from facegan_tf.common.errors import InputError
from facegan_tf.common.memory import Memory, device_memory
from facegan_tf.data.locate import Located
from facegan_tf.data.store import FaceStore
from facegan_tf.model import precision
from facegan_tf.model.build import build_gan
from facegan_tf.model.costs import step_costs
from facegan_tf.report.info import describe
from facegan_tf.training import plan
from facegan_tf.training.plan import GIB, check_images, check_memory, make_plan
from facegan_tf.training.train import dry_run
from tests.helpers.configs import tiny_config
from tests.helpers.refusals import refusal


@pytest.fixture(scope="module")
def gan():
    return build_gan(tiny_config(training={"batch_size": 200}))


@pytest.fixture(scope="module")
def costs(gan):
    return step_costs(gan, 200)


def located(gan, images=10**6):
    return Located(gan.config.data, None, None, images)


def in_bytes(share, costs):
    """Memory that the step takes this share of."""
    return int(costs.memory_bytes / share)


def test_a_step_that_takes_at_most_80_percent_of_the_free_memory_is_worth_no_word(gan, costs):
    free = in_bytes(0.79, costs)
    assert check_memory(gan, costs, Memory("this machine", 10 * free, free)) == []
    assert check_memory(gan, costs, None) == []


def test_a_step_that_takes_nearly_all_of_the_free_memory_is_warned_of(gan, costs):
    free = in_bytes(0.81, costs)
    [warning] = check_memory(gan, costs, Memory("this machine", 10 * free, free))
    assert f"{free / GIB:,.2f} GiB of this machine are free" in warning
    assert "largest batch size that fits is 19" in warning  # 190 and some


@pytest.mark.parametrize("ours", [0, GIB])
def test_a_step_that_needs_more_than_there_is_is_refused_with_what_fits(gan, costs, ours):
    total = in_bytes(1.01, costs) + ours  # what we use already is not there for the step
    with pytest.raises(InputError) as caught:
        check_memory(gan, costs, Memory("this container", total, total, ours))
    assert (caught.value.name, caught.value.value) == ("training.batch_size", 200)
    fits = int(caught.value.problem.rpartition(" ")[2])
    comfortable = 0.8 * (total - ours)
    assert step_costs(gan, fits).memory_bytes <= comfortable < step_costs(gan, fits + 1).memory_bytes


def test_the_message_gives_both_figures_and_the_largest_batch(gan, costs):
    huge = replace(costs, memory_bytes=1079 * GIB)
    with pytest.raises(InputError) as caught:
        check_memory(gan, huge, Memory("this machine", 23 * GIB, 20 * GIB))
    fits = caught.value.problem.rpartition(" ")[2]
    assert str(caught.value) == (
        "training.batch_size: 200: a step would need about 1,079.00 GiB, more than the 23.00 GiB of this "
        f"machine; the largest batch size that fits is {fits}"
    )


def test_where_not_even_one_image_fits_smaller_nets_are_the_way_out(gan, costs):
    with pytest.raises(InputError) as caught:
        check_memory(gan, costs, Memory("this machine", 2**20, 2**20))
    assert "not even a batch of 1 fits" in caught.value.problem
    assert "data.size" in caught.value.problem and "channels" in caught.value.problem


def test_a_dry_run_refuses_what_does_not_fit(store_folder, tmp_path, monkeypatch, capsys):
    config = tiny_config(store_folder)
    (tmp_path / "config.yaml").write_text(config.to_yaml())
    monkeypatch.setattr(memory, "host_memory", lambda: Memory("this machine", 2**20, 2**20))
    command = ["train", str(tmp_path / "config.yaml"), "--dry-run", "--out", str(tmp_path / "run")]
    assert main(command) == 2
    assert "training.batch_size: 4: a step would need" in capsys.readouterr().err


def test_a_dry_run_shows_a_warning_and_remains_a_config(store_folder, tmp_path, monkeypatch):
    config = tiny_config(store_folder)
    needed = step_costs(build_gan(config), 4).memory_bytes
    monkeypatch.setattr(plan, "device_memory", lambda: Memory("this machine", 10 * needed, needed))
    printed = dry_run(config, tmp_path / "run")
    assert "warning: a step needs about" in printed
    assert yaml.safe_load(printed) == config.model_dump(mode="json")


def test_info_and_the_plan_show_the_same_estimate(gan, costs, tmp_path):
    (tmp_path / "config.yaml").write_text(gan.config.to_yaml())
    planned = make_plan(gan, located(gan), tmp_path / "run")
    assert planned.costs == costs
    assert describe(tmp_path / "config.yaml")["training_step"]["memory_bytes"] == costs.memory_bytes
    assert any(f"{costs.memory_bytes / GIB:,.2f} GiB" in line for line in planned.describe())


def test_a_gpus_memory_is_what_tensorflow_may_take_of_it(monkeypatch):
    gpu = type("Device", (), {"device_type": "GPU", "memory_limit": 7 * GIB})
    cpu = type("Device", (), {"device_type": "CPU", "memory_limit": GIB})
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [gpu])
    monkeypatch.setattr(device_lib, "list_local_devices", lambda: [cpu, gpu])
    assert device_memory() == Memory("the GPU", 7 * GIB, 7 * GIB)
    monkeypatch.setattr(device_lib, "list_local_devices", lambda: [cpu])
    assert device_memory() is None


def test_where_tensorflow_does_not_say_nothing_is_known(monkeypatch):
    def fails():
        raise RuntimeError("no memory to list the devices")

    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: ["GPU"])
    monkeypatch.setattr(device_lib, "list_local_devices", fails)
    assert device_memory() is None


def test_without_a_gpu_it_is_the_hosts(monkeypatch):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [])
    assert device_memory().place in ("this machine", "this container")


@pytest.mark.parametrize(
    ("images", "settings", "name", "value", "fact"),
    [
        (1, {}, "data.source", "synthetic:24", "has 1 image;"),
        (0, {}, "data.source", "synthetic:24", "has 0 images"),
        (3, {}, "training.batch_size", 4, "the 3 images"),
        (5, {"evaluation": {"every": 10}}, "evaluation.every", 10, "5 images are"),
        (24, {"evaluation": {"every": 10}, "data": {"held_out": 5}}, "evaluation.every", 10, "5 images held"),
        (1, {"data": {"held_out": 23}}, "data.held_out", 23, "leaves 1 of 24 images"),
        (-6, {"data": {"held_out": 30}}, "data.held_out", 30, "leaves 0 of 24 images"),
    ],
)
def test_too_few_images_are_refused(images, settings, name, value, fact):
    with refusal(name, fact, value=value):
        check_images(tiny_config(**settings), images)


def test_enough_images_are_accepted():
    check_images(tiny_config(), 4)
    check_images(tiny_config(evaluation={"every": 10}), 6)
    check_images(tiny_config(evaluation={"every": 10}, data={"held_out": 6}), 4)


def test_photos_of_several_faces_may_be_fewer_than_the_images(tmp_path, store_folder):
    gan = build_gan(tiny_config(data={"align": True, "faces": "all"}))
    make_plan(gan, located(gan, 3), tmp_path / "run")
    found = Located(gan.config.data, store_folder, FaceStore.open(store_folder), 3)
    with refusal("training.batch_size", "3 images"):
        make_plan(gan, found, tmp_path / "run")


def disk_with(monkeypatch, free):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: type("Usage", (), {"free": free})())


def test_too_small_a_disk_is_refused_with_both_figures(gan, tmp_path, monkeypatch):
    needed = make_plan(gan, located(gan), tmp_path / "run").disk_bytes
    disk_with(monkeypatch, needed)
    make_plan(gan, located(gan), tmp_path / "run")
    disk_with(monkeypatch, needed - 1)
    with pytest.raises(InputError) as caught:
        make_plan(gan, located(gan), tmp_path / "run")
    assert (caught.value.name, caught.value.value) == ("out", tmp_path / "run")
    assert caught.value.problem.count(f"{needed / GIB:,.2f} GiB") >= 1


def test_what_a_resumed_run_has_written_already_counts(gan, tmp_path, monkeypatch):
    needed = make_plan(gan, located(gan), tmp_path / "run").disk_bytes
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "written").write_bytes(os.urandom(1000))
    disk_with(monkeypatch, needed - 1000)
    make_plan(gan, located(gan), tmp_path / "run")


@pytest.mark.parametrize(
    ("epochs", "missed"), [([50, 101, 150], "101, 150"), ([50, 100], None), ("each", None)]
)
def test_epochs_beyond_the_end_are_noted(tmp_path, epochs, missed):
    config = tiny_config(
        grids={"every": 10**6, "side": 2, "epochs": epochs},
        training={"steps": None, "epochs": 100, "batch_size": 24},
    )
    small = build_gan(config)
    text = "\n".join(make_plan(small, located(small, 24), tmp_path / "run").describe())
    assert ("the run ends before" in text) == bool(missed)
    assert missed is None or f"grids.epochs: {missed}" in text


@pytest.mark.parametrize(("every", "is_missed"), [(6, False), (7, True)])
def test_penalties_beyond_the_end_are_noted(tmp_path, every, is_missed):
    small = build_gan(tiny_config(objective={"r1": 1.0, "penalty_every": every}))
    text = "\n".join(make_plan(small, located(small, 24), tmp_path / "run").describe())
    assert (f"before its first penalty, at step {every}: objective.penalty_every" in text) == is_missed


@pytest.mark.parametrize(
    ("chosen", "flags", "is_warned"),
    [
        ("bfloat16", {"avx2"}, True),
        ("bfloat16", {"amx_bf16"}, False),
        ("float32", {"avx2"}, False),
        ("auto", {"avx2"}, False),
    ],
)
def test_a_precision_that_the_processor_lacks_is_warned_of(tmp_path, monkeypatch, chosen, flags, is_warned):
    monkeypatch.setattr(precision, "processor_flags", lambda: frozenset(flags))
    gan = build_gan(tiny_config(training={"precision": chosen}))
    warnings = [note for note in make_plan(gan, located(gan), tmp_path).notes if "training.precision" in note]
    assert len(warnings) == is_warned
