"""Run directories and SavedModels with files missing, truncated or edited: a clear error, or success."""

import shutil

import keras
import pytest
import tensorflow as tf

from facegan_tf import train
from facegan_tf.cli import main
from facegan_tf.common.errors import InputError
from facegan_tf.evaluation.evaluate import EvaluationRequest, evaluate
from facegan_tf.evaluation.feature_networks import load_feature_network
from facegan_tf.model.build import build_gan
from facegan_tf.serving.export import export_savedmodel
from facegan_tf.serving.generator import load_generator
from tests.helpers.configs import tiny_config

pytestmark = pytest.mark.slow

DAMAGES = {
    "missing": lambda path: path.unlink(),
    "empty": lambda path: path.write_bytes(b""),
    "truncated": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "overwritten": lambda path: path.write_bytes(b"\x89\xff[1, 2]\n" * 9),
    "other JSON": lambda path: path.write_text("[1, 2]"),
}
FILES = (
    *("config.yaml", "run.json", "metrics.jsonl", "psnr.jsonl", "evaluations.jsonl", "curves.png"),
    *(
        "training.gif",
        "grids/step_000002.png",
        "grids/step_000004.png",
        "checkpoints/step_000004/state.index",
    ),
    *("checkpoints/step_000004/checkpoint.json", "tensorboard/*", "lock"),
)


@pytest.fixture(scope="module")
def whole(store_folder, tmp_path_factory):
    config = tiny_config(store_folder, training={"steps": 4, "checkpoint_every": 2})
    run = train(config, tmp_path_factory.mktemp("runs") / "whole")
    evaluate(run, request=EvaluationRequest(metrics=["swd"], features="none"))
    return run


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", FILES)
def test_no_command_crashes_on_a_damaged_run(whole, tmp_path, capsys, name, damage):
    run = shutil.copytree(whole, tmp_path / "run")
    [path] = run.glob(name)
    DAMAGES[damage](path)
    commands = {
        "report": ["report", str(run)],
        "dry run": ["train", str(run), "--resume", "--dry-run"],
    }
    if name in ("config.yaml", "run.json") or "checkpoints" in name:
        commands["info"] = ["info", str(run)]
    for verb, command in commands.items():
        code = main(command)
        printed = capsys.readouterr().err
        assert code in (0, 2), verb
        if code == 2:
            assert str(run) in printed
            assert "Traceback" not in printed
        elif verb == "report" and "grids/" in name and damage != "missing":
            assert f"{path}" in printed and "warning: " in printed


@pytest.mark.parametrize(
    "name", ["run.json", "metrics.jsonl", "psnr.jsonl", "tensorboard/*", "grids/step_000002.png"]
)
def test_resuming_a_damaged_run_is_refused_or_works(whole, tmp_path, capsys, name):
    run = shutil.copytree(whole, tmp_path / "run")
    [path] = run.glob(name)
    DAMAGES["overwritten"](path)
    code = main(["train", str(run), "--resume", "--steps", "5"])
    printed = capsys.readouterr().err
    assert "Traceback" not in printed
    if name in ("run.json", "metrics.jsonl", "psnr.jsonl"):
        assert code == 2
        assert str(path) in printed
    else:
        assert code == 0


@pytest.fixture(scope="module")
def savedmodel(tmp_path_factory):
    out = tmp_path_factory.mktemp("exports") / "export"
    export_savedmodel(build_gan(tiny_config()).generator, out)
    return out


@pytest.mark.parametrize("damage", ["missing", "empty", "truncated", "overwritten"])
@pytest.mark.parametrize("name", ["saved_model.pb", "variables/variables.index", "variables/variables.data*"])
def test_a_damaged_savedmodel_is_refused_in_one_line(savedmodel, tmp_path, name, damage):
    copy = shutil.copytree(savedmodel, tmp_path / "export")
    [path] = copy.glob(name)
    DAMAGES[damage](path)
    with pytest.raises(InputError) as caught:
        load_generator(copy)
    assert str(copy) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("names", [["serving_default"], ["serving_default", "sample"]])
def test_a_savedmodel_of_another_project_is_refused(tmp_path, names):
    module = tf.Module()
    module.double = tf.function(lambda x: {"y": 2 * x}, input_signature=[tf.TensorSpec([None, 4], name="x")])
    tf.saved_model.save(module, str(tmp_path / "theirs"), signatures=dict.fromkeys(names, module.double))
    with pytest.raises(InputError, match="is not a SavedModel that this version") as caught:
        load_generator(tmp_path / "theirs")
    assert caught.value.value == tmp_path / "theirs"


def test_code_in_a_feature_network_is_not_run(tmp_path):
    images = keras.Input((32, 32, 3))
    path = tmp_path / "network.keras"
    keras.Model(images, keras.layers.Lambda(lambda x: x[:, 0, 0])(images)).save(path)
    with pytest.raises(InputError) as caught:
        load_feature_network(str(path))
    assert str(path) in str(caught.value)
