"""Runs that are refused before any work, and the dry run, which refuses the same."""

import os
import re

import pytest
import yaml

from facegan_tf import train
from facegan_tf.run.lock import locked
from facegan_tf.training.train import dry_run
from tests.helpers.configs import make_store, tiny_config
from tests.helpers.refusals import refusal
from tests.helpers.runs import metrics


@pytest.fixture(scope="module")
def config(store_folder):
    return tiny_config(store_folder)


@pytest.fixture(scope="module")
def run(config, tmp_path_factory):
    """Six steps without interruption."""
    return train(config, tmp_path_factory.mktemp("runs") / "straight")


def test_an_existing_run_is_refused_without_resume(run, config):
    with refusal("out", "step 6", "`resume`", "`out`", value=run):  # both ways out
        train(config, run)
    assert metrics(run)[-1]["step"] == 6


def test_a_second_training_in_the_same_folder_is_refused(run, config):
    longer = tiny_config(config.data.source, training={"steps": 7})
    with locked(run), refusal("out", f"process {os.getpid()} on", value=run):
        train(longer, run, resume=True)
    assert metrics(run)[-1]["step"] == 6


def test_a_folder_with_other_files_is_refused(config, tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with refusal("out", "holds no run", value=tmp_path):
        train(config, tmp_path, resume=True)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]


def test_resuming_with_other_settings_is_refused_and_each_is_named(run, config):
    changed = tiny_config(config.data.source, training={"batch_size": 3}, data={"flip": True})
    with refusal("out", value=run) as caught:
        train(changed, run, resume=True)
    lines = caught.value.problem.splitlines()
    assert [line for line in lines if "training.batch_size" in line and "4" in line and "3" in line]
    assert [line for line in lines if "data.flip" in line and "false" in line and "true" in line]
    assert "optimizers" not in caught.value.problem


def test_resuming_on_other_pixels_is_refused(run, tmp_path):
    other = make_store(tmp_path / "other", 25)
    with refusal("data.source", "pixels", value=other):
        train(tiny_config(other), run, resume=True)


def test_a_batch_larger_than_the_number_of_images_is_refused_before_the_run_begins(store_folder, tmp_path):
    with refusal("training.batch_size", "24 images", value=25):
        train(tiny_config(store_folder, training={"batch_size": 25}), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_single_image_is_refused(store_folder, tmp_path):
    config = tiny_config(store_folder, data={"limit": 1}, training={"batch_size": 1})
    with refusal("data.source", "1 image", value=store_folder):
        train(config, tmp_path / "run")


def test_the_plan_counts_the_epochs_that_are_kept_and_names_those_beyond_the_end(store_folder, tmp_path):
    def planned(epochs):
        grids = {"every": 10**6, "side": 32, "epochs": epochs}
        training = {"steps": None, "epochs": 100, "batch_size": 24}
        return dry_run(tiny_config(store_folder, training=training, grids=grids), tmp_path / "run")

    def disk(epochs):
        return re.search(r"# disk needed .*", planned(epochs)).group()

    assert disk("each") == disk(list(range(1, 101))) != disk([])
    assert disk([101, 102]) == disk([])
    assert "the run ends before these of grids.epochs: 101, 150" in planned([50, 101, 150])
    assert "the run ends before" not in planned([50, 100])


def test_an_endless_run_is_refused_at_once_for_lack_of_disk(store_folder, tmp_path):
    endless = tiny_config(store_folder, training={"steps": 2**62}, grids={"every": 10**6, "epochs": "each"})
    with refusal("out", "GiB", "training.keep_checkpoints", value=tmp_path / "run"):
        dry_run(endless, tmp_path / "run")


def test_a_store_of_another_size_is_refused(store_folder, tmp_path):
    with refusal("data.source", "32 pixels", "data.size is 64", value=store_folder):
        train(tiny_config(store_folder, data={"size": 64}), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_too_small_a_disk_is_refused_with_both_figures(config, tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 1000})())
    with refusal("out", "0.00 GiB of free disk space", "more", value=tmp_path / "run"):
        train(config, tmp_path / "run")


def test_a_dry_run_prints_the_same_config_and_writes_nothing(config, tmp_path):
    printed = dry_run(config, tmp_path / "run")
    assert yaml.safe_load(printed) == config.model_dump(mode="json")
    assert "# steps an epoch   6.00" in printed
    assert "# images in all    24 (4 a step)" in printed
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("settings", "out", "name"),
    [
        ({"data": {"size": 64}}, "run", "data.source"),
        ({"data": {"source": "synthetic:8", "crop": "center:8"}}, "run", "data.crop"),
        ({"data": {"source": "nowhere.zip"}}, "run", "data.source"),
        ({"training": {"batch_size": 25}}, "run", "training.batch_size"),
        ({}, "file/run", "out"),
    ],
)
def test_a_dry_run_refuses_what_training_refuses(config, tmp_path, settings, out, name):
    (tmp_path / "file").write_text("")
    settings.setdefault("data", {})["cache"] = str(tmp_path / "cache")
    changed = tiny_config(settings["data"].get("source", config.data.source), **settings)
    for attempt in (dry_run, train):
        with refusal(name):
            attempt(changed, tmp_path / out)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
