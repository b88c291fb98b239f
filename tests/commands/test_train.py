import argparse
import json
import os
import signal

import pytest
import yaml

from facegan_tf.commands.train import _source_of_platform
from facegan_tf.training.signals import Interrupted
from tests.helpers.command_line import call
from tests.helpers.configs import tiny_config, tiny_settings


@pytest.fixture
def config(store_folder, tmp_path):
    path = tmp_path / "tiny.yaml"
    path.write_text(tiny_config(store_folder).to_yaml())
    return path


def test_it_trains_and_resumes(config, tmp_path, capsys):
    code, out, err = call(
        capsys, "train", config, "--out", tmp_path / "run", "--set", "grids.every=1", "--steps", 2
    )
    assert code == 0
    assert "finished at step 2" in err
    lines = out.strip().splitlines()
    assert [line.split(":")[0] for line in lines] == ["1/2", "2/2"]
    assert "d_loss: " in lines[0] and "g_loss: " in lines[0] and lines[0].endswith(" sec)")
    code, _, err = call(capsys, "train", config, "--out", tmp_path / "run")
    assert code == 2
    assert "--resume" in err
    code, _, err = call(capsys, "train", tmp_path / "run", "--steps", 3, "--resume")
    assert code == 0
    assert "resuming at step 2" in err


def test_the_set_flag_takes_one_setting_or_several(config, tmp_path, capsys):
    code, out, _ = call(
        capsys,
        *("train", config, "--out", tmp_path / "run", "--dry-run"),
        *("--set", "seed=7", "data.flip=true", "--set", "name=other"),
    )
    assert code == 0
    assert "name: other\nseed: 7\n" in out and "flip: true" in out


def test_a_wrong_config_exits_with_2_and_no_traceback(tmp_path, capsys):
    (tmp_path / "bad.yaml").write_text(json.dumps(tiny_settings(training={"steps": 0})))
    code, out, err = call(capsys, "train", tmp_path / "bad.yaml", "--out", tmp_path / "run")
    assert (code, out) == (2, "")
    assert f"{tmp_path / 'bad.yaml'}: line " in err and "training.steps: 0" in err and "Traceback" not in err


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (["--steps", "0"], "--steps 0: must be at least 1"),
        (["--set", "training.steps=0"], "--set: training.steps: 0: must be at least 1"),
        (["--set", "training.steps"], "--set training.steps: must be key.path=value"),
        (["--steps", "5", "--set", "data.size=1"], "--set: data.size: 1: must be at least 8"),
    ],
)
def test_a_setting_is_named_by_the_flag_that_gave_it(config, tmp_path, capsys, arguments, shown):
    code, _, err = call(capsys, "train", config, "--out", tmp_path / "run", *arguments)
    assert code == 2
    assert err.startswith(f"facegan train: {shown}")


def test_text_settings_are_taken_literally(config, tmp_path, capsys):
    code, _, err = call(capsys, "train", config, "--out", tmp_path / "run", "--set", "data.source=photos #2")
    assert code == 2
    assert "photos #2" in err


@pytest.mark.parametrize("source", ["missing.zip", None])
def test_a_cloud_platforms_folders_are_the_defaults(capsys, tmp_path, store_folder, monkeypatch, source):
    monkeypatch.setenv("SM_CHANNEL_TRAINING", str(store_folder))
    monkeypatch.setenv("SM_MODEL_DIR", str(tmp_path / "model"))
    settings = tiny_settings()
    settings["data"].pop("source")
    settings["data"] |= {"source": source} if source else {}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(settings))
    code, out, errors = call(capsys, "train", tmp_path / "config.yaml", "--dry-run")
    assert code == 0, errors
    assert f"source: {store_folder}" in out and str(tmp_path / "model" / "tiny") in out
    assert "SM_CHANNEL_TRAINING" in errors


@pytest.mark.parametrize(
    ("source", "is_kept"),
    [
        ("photos", True),
        (["photos", "synthetic:8"], True),
        ("hf:owner/name", True),
        ("photos/*.tar", True),
        (["photos", "gone"], False),
        ("synthetic_photos.zip", False),
        (None, False),
    ],
)
def test_a_source_that_exists_overrides_a_cloud_platforms(tmp_path, monkeypatch, source, is_kept):
    (tmp_path / "photos").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SM_CHANNEL_TRAINING", "elsewhere")
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({"data": {"source": source} if source else {}}))
    options = argparse.Namespace(config="config.yaml", overrides=[])
    assert _source_of_platform(options) == ([] if is_kept else ["data.source=elsewhere"])


def test_a_batch_that_does_not_divide_is_refused_before_other_workers_are_waited_for(capsys, tmp_path):
    (tmp_path / "config.yaml").write_text(tiny_config().to_yaml())
    flags = ["--cluster", "a.invalid:1,b.invalid:1,c.invalid:1", "--worker", 0]
    code, _, errors = call(capsys, "train", tmp_path / "config.yaml", "--out", tmp_path / "run", *flags)
    assert code == 2 and "training.batch_size: 4" in errors and "nearest that can is 3" in errors


@pytest.mark.parametrize(("interrupted", "code"), [(False, 0), (True, 143)])
def test_a_worker_waits_for_the_others_before_it_leaves(
    config, tmp_path, capsys, monkeypatch, interrupted, code
):
    def train(*_, **__):
        done.append("trained")
        if interrupted:
            raise Interrupted(signal.SIGTERM)

    done = []
    monkeypatch.setattr("facegan_tf.training.train.train", train)
    monkeypatch.setattr("facegan_tf.training.workers.leave_together", lambda *given: done.append(given))
    monkeypatch.setattr(os, "_exit", done.append)
    cluster = ("--cluster", "a:1,b:1", "--worker", 1, "--timeout", 60)
    call(capsys, "train", config, "--out", tmp_path / "run", *cluster)
    assert done == ["trained", (1, 2, 60), code]
