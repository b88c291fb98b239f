"""Runs that start from the nets of another run."""

import json
import shutil

import numpy as np
import pytest

from facegan_tf import load_config, train
from facegan_tf.model.build import build_gan
from facegan_tf.model.state import state_variables
from facegan_tf.report.report import write_report
from facegan_tf.run.directory import RunDirectory, checkpoint_steps
from facegan_tf.run.restore import restore_run
from facegan_tf.training.start import absolute_start, new_gan
from facegan_tf.training.train import dry_run
from tests.helpers.configs import tiny_dcgan
from tests.helpers.interruptions import Crash, Poison
from tests.helpers.pages import Page
from tests.helpers.refusals import refusal
from tests.helpers.runs import record, sha256

pytestmark = pytest.mark.slow

EVALUATED = {"every": 2, "count": 8}


def config_of(store_folder, start_from=None, **training):
    start = None if start_from is None else str(start_from)
    settings = {"steps": 4, "checkpoint_every": 2, "log_every": 4, "start_from": start, **training}
    return tiny_dcgan(store_folder, training=settings, grids={"every": 4})


@pytest.fixture(scope="module")
def source(store_folder, tmp_path_factory):
    """A run of 4 steps with an average, checkpoints at 2 and 4, and a best one."""
    config = config_of(store_folder, ema_half_life=64.0)
    config = config.model_copy(update={"evaluation": config.evaluation.model_copy(update=EVALUATED)})
    return train(config, tmp_path_factory.mktemp("runs") / "source")


@pytest.fixture(scope="module")
def straight(source, store_folder, tmp_path_factory):
    """A run that starts from the last step of `source`, without interruption."""
    return train(config_of(store_folder, source), tmp_path_factory.mktemp("runs") / "straight")


def check_nets(gan, other):
    pairs = [(gan.generator, other.generator), (gan.discriminator, other.discriminator)]
    if gan.average is not None:
        pairs.append((gan.average, other.sampler))
    for ours, theirs in pairs:
        for mine, their in zip(ours.get_weights(), theirs.get_weights(), strict=True):
            np.testing.assert_array_equal(mine, their)


@pytest.mark.parametrize("average", [None, 8.0])
@pytest.mark.parametrize(
    ("suffix", "which"), [("", "last"), ("@last", "last"), ("@best", "best"), ("@2", "2"), ("@4", "4")]
)
def test_nets_and_average_are_copied_and_optimizers_and_step_are_fresh(
    source, store_folder, suffix, which, average
):
    config = config_of(store_folder, f"{source}{suffix}", ema_half_life=average)
    gan, fresh = new_gan(config), build_gan(config)
    check_nets(gan, restore_run(source, which)[0])
    assert gan.steps_done == 0
    for name in ("generator_optimizer", "discriminator_optimizer"):
        for mine, theirs in zip(gan.state()[name].variables, fresh.state()[name].variables, strict=True):
            np.testing.assert_array_equal(mine.numpy(), theirs.numpy())


def test_a_copied_average_is_not_forgotten_at_once(source, store_folder, tmp_path):
    config = config_of(store_folder, source, ema_half_life=1e6, steps=2)
    run = train(config, tmp_path / "run")
    before, after = restore_run(source)[0].sampler, restore_run(run)[0].average
    for was, now in zip(before.get_weights(), after.get_weights(), strict=True):
        np.testing.assert_allclose(now, was, rtol=1e-4, atol=1e-5)


def test_a_run_trains_from_there_and_needs_its_source_no_more_once_it_is_saved(
    source, straight, store_folder, tmp_path, monkeypatch
):
    shutil.copytree(source, tmp_path / "source")
    monkeypatch.chdir(tmp_path)
    config = config_of(store_folder, "source@4", on_nonfinite="rollback")
    assert record(straight)["status"] == "finished"
    assert sha256(straight) != sha256(train(config_of(store_folder), tmp_path / "new"))
    with pytest.raises(RuntimeError):
        train(config, tmp_path / "run", callbacks=[Crash(3)])
    shutil.rmtree(tmp_path / "source")
    train(config, tmp_path / "run", resume=True)
    assert sha256(tmp_path / "run") == sha256(straight)


def test_a_rollback_to_a_checkpoint_does_not_need_the_source(source, store_folder, tmp_path):
    copy = shutil.copytree(source, tmp_path / "source")

    class Remove(Poison):
        def on_train_batch_begin(self, batch, logs=None):
            if batch == 3:
                shutil.rmtree(copy, ignore_errors=True)
            super().on_train_batch_begin(batch, logs)

    config = config_of(store_folder, copy, on_nonfinite="rollback")
    run = train(config, tmp_path / "run", callbacks=[Remove(3, times=1)])
    assert record(run)["status"] == "finished"


def test_a_rollback_to_the_start_copies_the_nets_again(source, store_folder, tmp_path):
    config = config_of(store_folder, source, on_nonfinite="rollback", checkpoint_every=4)
    one = train(config, tmp_path / "one", callbacks=[Poison(1, times=1)])
    two = train(config, tmp_path / "two", callbacks=[Poison(2, times=1)])
    assert sha256(one) == sha256(two)
    assert checkpoint_steps(one / "checkpoints") == [0, 4]


def test_a_relative_path_is_kept_as_an_absolute_one(source, store_folder, tmp_path, monkeypatch):
    monkeypatch.chdir(source.parent)
    relative = f"{source.name}@2"
    assert absolute_start(relative) == f"{source}@2"
    assert absolute_start(str(source)) == f"{source}@last"
    assert absolute_start(None) is None
    assert f"start_from: {source}@2" in dry_run(config_of(store_folder, relative), tmp_path / "run")
    run = train(config_of(store_folder, relative, steps=1), tmp_path / "run")
    monkeypatch.chdir(tmp_path)
    assert restore_run(run)[0].config.training.start_from == f"{source}@2"


@pytest.mark.parametrize(("which", "step"), [("", 4), ("@2", 2)])
def test_a_run_records_the_step_that_it_started_from(source, store_folder, tmp_path, which, step):
    config = config_of(store_folder, f"{source}{which}", steps=1)
    taken = f"{source}@{step}"
    assert f"start_from: {taken}\n" in dry_run(config, tmp_path / "run")
    run = train(config, tmp_path / "run")
    assert load_config(run).training.start_from == taken
    assert record(run)["start_from"] == taken
    assert taken in Page(write_report(run)).sections["The run"]


def test_the_best_is_recorded_as_its_step(source, store_folder, tmp_path):
    gan = new_gan(config_of(store_folder, f"{source}@best"))
    assert gan.config.training.start_from == f"{source}@{RunDirectory(source).best_step()}"


def test_a_resumed_run_knows_what_last_and_best_were_when_it_began():
    assert absolute_start("/runs/one@last", "/runs/one@4") == "/runs/one@4"
    assert absolute_start("/runs/one", "/runs/one@4") == "/runs/one@4"
    assert absolute_start("/runs/one@best", "/runs/one@4") == "/runs/one@4"
    assert absolute_start("/runs/one@2", "/runs/one@4") == "/runs/one@2"
    assert absolute_start("/runs/two", "/runs/one@4") == "/runs/two@last"
    assert absolute_start("/runs/one", None) == "/runs/one@last"
    assert absolute_start(None, "/runs/one@4") is None


@pytest.mark.parametrize("change", ["trains on", "is gone"])
def test_a_run_killed_before_it_saved_a_step_resumes_whatever_became_of_its_source(
    source, straight, store_folder, tmp_path, change
):
    copy = shutil.copytree(source, tmp_path / "source")
    config = config_of(store_folder, copy)
    with pytest.raises(RuntimeError):
        train(config, tmp_path / "run", callbacks=[Crash(1)])
    assert checkpoint_steps(tmp_path / "run" / "checkpoints") == [0]
    if change == "is gone":
        shutil.rmtree(copy)
    else:
        train(config_of(store_folder, ema_half_life=64.0, steps=6), copy, resume=True)
        assert absolute_start(str(copy)) == f"{copy}@last" and checkpoint_steps(copy / "checkpoints")[-1] == 6
    train(config, tmp_path / "run", resume=True)
    assert sha256(tmp_path / "run") == sha256(straight)
    assert load_config(tmp_path / "run").training.start_from == f"{copy}@4"


def test_a_run_killed_before_it_saved_anything_starts_from_the_same_step_again(
    source, straight, store_folder, tmp_path
):
    copy = shutil.copytree(source, tmp_path / "source")
    config = config_of(store_folder, copy)
    with pytest.raises(RuntimeError):
        train(config, tmp_path / "run", callbacks=[Crash(1)])
    shutil.rmtree(tmp_path / "run" / "checkpoints")  # as if it had been killed a moment earlier
    train(config_of(store_folder, ema_half_life=64.0, steps=6), copy, resume=True)
    train(config, tmp_path / "run", resume=True)
    assert sha256(tmp_path / "run") == sha256(straight)


@pytest.mark.parametrize("start", ["@2", None])
def test_a_resumed_run_cannot_start_from_elsewhere(source, store_folder, tmp_path, start):
    with pytest.raises(RuntimeError):
        train(config_of(store_folder, source), tmp_path / "run", callbacks=[Crash(1)])
    other = config_of(store_folder, start and f"{source}{start}")
    with refusal("out", "training.start_from"):
        train(other, tmp_path / "run", resume=True)


@pytest.mark.parametrize(
    ("start", "fact"),
    [("nowhere", "neither a run directory"), ("source@3", "2, 4"), ("source@0", "2, 4")],
)
def test_a_run_or_checkpoint_that_does_not_exist_is_refused(source, store_folder, tmp_path, start, fact):
    given = str(source.parent / start)
    for refused in (train, dry_run):
        with refusal("training.start_from", fact) as caught:
            refused(config_of(store_folder, given), tmp_path / "run")
        assert str(caught.value.value).startswith(given)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("net", "channels", "layer"),
    [
        ("generator", [8, 4], "generator"),
        ("discriminator", [4, 7], "discriminator"),
        ("generator", [6, 6, 4], "generator"),
    ],
)
def test_nets_that_do_not_fit_are_refused_with_the_layer(
    source, store_folder, tmp_path, net, channels, layer
):
    config = config_of(store_folder, source)
    settings = config.model_dump(mode="json")
    settings["networks"][net]["channels"] = channels
    config = type(config).model_validate_json(json.dumps(settings))
    with refusal("training.start_from", layer, "networks") as caught:
        train(config, tmp_path / "run")
    names = [each.name for each in getattr(build_gan(config), net).layers]
    kinds = {name.rstrip("0123456789").rstrip("_") for name in names}
    assert any(kind in caught.value.problem for kind in kinds)
    assert not (tmp_path / "run").exists()


def test_the_state_of_the_source_is_not_changed(source, store_folder, tmp_path):
    before = {name: np.asarray(v) for name, v in state_variables(restore_run(source)[0]).items()}
    train(config_of(store_folder, source, steps=1), tmp_path / "run")
    after = [np.asarray(v) for v in state_variables(restore_run(source)[0]).values()]
    for was, now in zip(before.values(), after, strict=True):
        np.testing.assert_array_equal(was, now)
