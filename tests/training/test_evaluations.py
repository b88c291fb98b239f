"""Scores computed while a run trains, and the best checkpoint, which is kept apart."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from facegan_tf import load_generator, train
from facegan_tf.cli import main
from facegan_tf.common.errors import InputError
from facegan_tf.evaluation.evaluate import EvaluationRequest, evaluate
from facegan_tf.evaluation.metrics import METRICS
from facegan_tf.model.build import build_gan
from facegan_tf.model.state import weights_sha256
from facegan_tf.run.checkpoints import Checkpoints
from facegan_tf.run.restore import restore_run
from facegan_tf.training.train import dry_run
from tests.helpers.configs import make_store, tiny_dcgan
from tests.helpers.interruptions import Crash, StopAfter
from tests.helpers.refusals import refusal

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return make_store(tmp_path_factory.mktemp("reference") / "store", 40)


@pytest.fixture(scope="module")
def settings(store, network_file, tmp_path_factory):
    return {
        "source": store,
        "data": {"cache": str(tmp_path_factory.mktemp("cache"))},
        "training": {"steps": 7, "checkpoint_every": 3, "log_every": 2},
        "evaluation": {"every": 2, "count": 12, "features": str(network_file)},
    }


@pytest.fixture(scope="module")
def config(settings):
    return tiny_dcgan(**settings)


@pytest.fixture(scope="module")
def run(config, tmp_path_factory):
    """Seven steps without interruption, evaluated after steps 2, 4, 6 and 7."""
    return train(config, tmp_path_factory.mktemp("runs") / "straight")


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def scores(run):
    """The scores of each evaluation by its step, without the prefix that they have in metrics.jsonl."""
    logged = [line for line in lines(run / "metrics.jsonl") if "scores/fid" in line]
    return {line["step"]: {key.removeprefix("scores/"): line[key] for key in line} for line in logged}


def best(run):
    folder = max((run / "checkpoints" / "best").iterdir())  # an earlier one may be kept as well
    facts = json.loads((folder / "checkpoint.json").read_text())
    return {key: facts[key] for key in ("step", "weights_sha256", "notes")}


def test_scores_are_logged_at_their_interval_and_at_the_end(run):
    logged = scores(run)
    assert list(logged) == [2, 4, 6, 7]
    assert all(line["images"] == 4 * step for step, line in logged.items())
    assert set(logged[2]) - {"step", "images"} == {
        *("fid", "kid", "kid_std", "mind", "precision", "recall", "density", "coverage"),
        *("swd", "swd_32", "swd_16", "ms_ssim"),
    }
    assert [line["step"] for line in lines(run / "metrics.jsonl") if "d_loss" in line] == [2, 4, 6, 7]


def test_tensorboard_has_the_scores(run):
    (events,) = (run / "tensorboard").glob("events.*")
    seen = {
        event.step: tf.make_ndarray(value.tensor).item()
        for event in tf.compat.v1.train.summary_iterator(str(events))
        for value in event.summary.value
        if value.tag == "scores/fid"
    }
    assert seen == pytest.approx({step: line["fid"] for step, line in scores(run).items()}, rel=1e-6)


def test_a_record_says_how_its_scores_were_made(run, network_file):
    records = lines(run / "evaluations.jsonl")
    assert [record["training"]["step"] for record in records] == [2, 4, 6, 7]
    assert [record["training"]["images"] for record in records] == [8, 16, 24, 28]
    seconds = [record["training"]["seconds"] for record in records]
    assert seconds == sorted(seconds) and seconds[0] > 0
    assert all(record["features"]["name"] == str(network_file) for record in records)
    assert records[-1] == json.loads((run / "evaluation.json").read_text())


def test_evaluating_the_run_afterwards_gives_the_same_scores(run, settings, tmp_path):
    evaluation = settings["evaluation"]
    request = EvaluationRequest(count=12, features=evaluation["features"])
    record = evaluate(run, request=request, cache=settings["data"]["cache"], out=tmp_path / "out")
    during = scores(run)[7]
    assert {name: record["scores"][name] for name in during if name not in ("step", "images")} == (
        pytest.approx({name: score for name, score in during.items() if name not in ("step", "images")})
    )


def test_the_best_checkpoint_is_kept_and_can_be_sampled_and_exported(run, tmp_path):
    lowest = min(scores(run).values(), key=lambda line: line["fid"])
    kept = best(run)
    assert (kept["step"], kept["notes"]["score"]) == (lowest["step"], lowest["fid"])
    gan, _ = restore_run(run, "best")
    assert gan.steps_done == lowest["step"]
    assert weights_sha256(gan) == kept["weights_sha256"]
    for verb, out in (("sample", "samples"), ("export", "export")):
        flags = ["--out", str(tmp_path / out), "--checkpoint", "best"]
        assert main([verb, str(run), *flags, *(["--count", "3"] if verb == "sample" else [])]) == 0
    drawn = load_generator(run, "best").sample([0, 1, 2])
    np.testing.assert_array_equal(load_generator(tmp_path / "export").sample([0, 1, 2]), drawn)
    with Image.open(tmp_path / "samples" / "face_000002.png") as face:
        np.testing.assert_array_equal(np.asarray(face), drawn[2])
    with pytest.raises(InputError, match="SavedModel"):
        load_generator(tmp_path / "export", "best")


def test_pictures_of_the_scores_and_of_the_best_are_drawn(run):
    kept = best(run)["step"]
    grid = run / "grids" / f"step_{kept:06d}.png"  # drawn every 2 steps, and at the end
    assert (run / "best.png").read_bytes() == grid.read_bytes()
    with Image.open(run / "scores.png") as picture:
        assert picture.width > 500


def test_a_crashed_run_ends_with_the_same_scores_and_the_same_best(run, config, tmp_path):
    crashed = tmp_path / "run"
    with pytest.raises(RuntimeError):
        train(config, crashed, callbacks=[Crash(7)])
    train(config, crashed, resume=True)
    assert (crashed / "metrics.jsonl").read_bytes() == (run / "metrics.jsonl").read_bytes()
    assert [record["training"]["step"] for record in lines(crashed / "evaluations.jsonl")] == [2, 4, 6, 7]
    assert best(crashed) == best(run)


@pytest.mark.parametrize("stopped_at", [5, 6])
def test_a_run_that_ends_where_it_had_stopped_is_evaluated_there_once(config, tmp_path, stopped_at):
    run = tmp_path / "run"
    train(config, run, callbacks=[StopAfter(stopped_at)])
    assert [record["training"]["step"] for record in lines(run / "evaluations.jsonl")] == [2, 4, 6][
        : stopped_at // 2
    ]
    shorter = config.training.model_copy(update={"steps": stopped_at})
    train(config.model_copy(update={"training": shorter}), run, resume=True)
    expected = sorted({2, 4, stopped_at})
    assert [record["training"]["step"] for record in lines(run / "evaluations.jsonl")] == expected
    assert list(scores(run)) == expected


def test_a_later_evaluation_of_the_run_survives_a_resumed_training(run, config, settings, tmp_path):
    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    request = EvaluationRequest(count=8, features="none")
    evaluate(copy, request=request, cache=settings["data"]["cache"])
    longer = config.model_copy(update={"training": config.training.model_copy(update={"steps": 8})})
    train(longer, copy, resume=True)
    made = [record.get("training", {}).get("step") for record in lines(copy / "evaluations.jsonl")]
    assert made == [2, 4, 6, None, 8]  # step 7 is not the end any more


def test_the_best_keeps_its_scores_when_a_finished_run_is_made_longer(settings, tmp_path):
    """They were computed because the run ended there, which a longer run would not have done."""
    shorter = settings | {"evaluation": settings["evaluation"] | {"every": 100}}
    run = train(tiny_dcgan(**shorter), tmp_path / "run")
    assert best(run)["step"] == 7
    longer = shorter | {"training": settings["training"] | {"steps": 8}}
    train(tiny_dcgan(**longer), run, resume=True)
    made = {record["training"]["step"] for record in lines(run / "evaluations.jsonl")}
    assert made == {7, 8}


def test_scores_that_were_measured_in_another_way_are_not_compared(run, settings, tmp_path):
    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    changed = settings | {
        "training": settings["training"] | {"steps": 8},
        "evaluation": {"every": 2, "count": 11, "features": "none"},
    }
    train(tiny_dcgan(**changed), copy, resume=True)
    kept = best(copy)
    assert kept["step"] == 8
    measure = kept["notes"]["measure"]
    assert kept["notes"]["by"] == "swd" and measure["images of each side"] == 11


def test_the_highest_score_is_the_best_where_higher_is_better(settings, tmp_path, monkeypatch):
    monkeypatch.setitem(METRICS, "swd", dataclasses.replace(METRICS["swd"], better="higher"))
    evaluation = settings["evaluation"] | {"best_by": "swd"}
    run = train(tiny_dcgan(**settings | {"evaluation": evaluation}), tmp_path / "run")
    logged = scores(run)
    highest = max(logged, key=lambda step: logged[step]["swd"])
    assert (best(run)["step"], best(run)["notes"]["score"]) == (highest, logged[highest]["swd"])
    assert highest > 2  # the first alone would be kept if lower were better here too


def test_a_best_checkpoint_without_a_last_one_is_not_restored(config, tmp_path):
    checkpoints = Checkpoints(build_gan(config), tmp_path)
    checkpoints.best().save(score=1.0)
    assert checkpoints.best().notes() == {"score": 1.0}
    with refusal(None, value=tmp_path):
        checkpoints.restore("best")


def test_a_run_without_evaluations_has_no_best(settings, tmp_path):
    plain = train(tiny_dcgan(**settings | {"evaluation": {}}), tmp_path / "run")
    assert not (plain / "evaluations.jsonl").exists() or not lines(plain / "evaluations.jsonl")
    with refusal("checkpoint", "evaluation.every", value="best"):
        restore_run(plain, "best")


@pytest.mark.parametrize(
    ("evaluation", "words"),
    [
        ({"features": "gone.keras"}, r"evaluation\.features: .*gone\.keras: no such file"),
        (
            {"features": "inception-2015"},
            r"evaluation\.features: inception-2015: .*evaluation\.feature_weights",
        ),
        ({"features": "none", "best_by": "fid"}, r"evaluation\.best_by: fid: .*feature network"),
        ({"features": "none", "best_by": "psnr"}, r"evaluation\.best_by: psnr: must be fid"),
        ({"every": None, "best_by": "zebra"}, r"evaluation\.best_by: zebra: must be fid"),
    ],
)
def test_evaluations_that_cannot_work_are_refused_before_training(settings, tmp_path, evaluation, words):
    with pytest.raises(InputError, match=words):
        dry_run(tiny_dcgan(**settings | {"evaluation": {"every": 2} | evaluation}), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_cache_in_a_home_folder_that_is_not_there_is_refused_only_if_features_are_kept_in_it(
    settings, network_file, tmp_path
):
    cache = "~no_such_user/cache"
    homeless = settings | {"data": {"cache": cache}}
    dry_run(tiny_dcgan(**homeless | {"evaluation": {"every": 2, "count": 8}}), tmp_path / "run")
    with refusal("data.cache", "home folder", value=cache):
        kept = {"every": 2, "count": 8, "features": str(network_file)}
        dry_run(tiny_dcgan(**homeless | {"evaluation": kept}), tmp_path / "run")


def test_too_few_images_to_score_are_refused_before_training(settings, tmp_path):
    few = settings | {"data": settings["data"] | {"limit": 5}}
    with refusal("evaluation.every", "5 images", value=2):
        dry_run(tiny_dcgan(**few), tmp_path / "run")
