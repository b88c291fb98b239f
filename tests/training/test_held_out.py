"""A run that holds images out: it never sees them, and is scored against them."""

import json

import pytest

from facegan_tf import train
from facegan_tf.data.store import FaceStore
from facegan_tf.evaluation.evaluate import EvaluationRequest, evaluate
from facegan_tf.model.state import weights_sha256
from facegan_tf.run.restore import restore_run
from facegan_tf.training.train import dry_run
from tests.helpers.configs import make_store, tiny_dcgan
from tests.helpers.refusals import refusal


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    """Forty images, and a copy of the last eight of the first thirty."""
    folder = tmp_path_factory.mktemp("stores")
    whole = make_store(folder / "whole", 40)
    photos = FaceStore.open(whole)
    return whole, photos.first(30).last(8)


@pytest.fixture(scope="module")
def config(stores):
    return tiny_dcgan(
        stores[0],
        data={"limit": 30, "held_out": 8},
        training={"steps": 4, "checkpoint_every": 2},
        evaluation={"every": 2, "count": 20},
    )


@pytest.fixture(scope="module")
def run(config, tmp_path_factory):
    return train(config, tmp_path_factory.mktemp("runs") / "held_out")


def test_the_images_held_out_change_nothing_about_the_training(run, stores, tmp_path):
    without = tiny_dcgan(stores[0], data={"limit": 22}, training={"steps": 4, "checkpoint_every": 2})
    plain = train(without, tmp_path / "plain")
    (gan, _), (other, _) = restore_run(run), restore_run(plain)
    assert weights_sha256(gan) == weights_sha256(other)
    record = json.loads((run / "run.json").read_text())
    assert (record["store"]["images"], record["store"]["held_out"]) == (22, 8)


def test_the_run_is_scored_against_them_while_it_trains(run, stores):
    for line in (run / "evaluations.jsonl").read_text().splitlines():
        reference = json.loads(line)["reference"]
        assert reference["fingerprint"] == stores[1].fingerprint
        assert (reference["images"], reference["count"], reference["held_out"]) == (8, 8, True)


def test_evaluating_the_run_afterwards_gives_the_same_scores_and_looks_for_copies_among_the_others(
    run, stores, tmp_path
):
    trained = json.loads((run / "evaluations.jsonl").read_text().splitlines()[-1])
    record = evaluate(run, request=EvaluationRequest(features="none"), out=tmp_path / "out")
    assert {name: record["scores"][name] for name in trained["scores"]} == trained["scores"]
    assert record["reference"]["fingerprint"] == stores[1].fingerprint and record["reference"]["held_out"]
    assert record["settings"]["psnr"] == {"faces": 8, "reals": 22}


def test_a_dry_run_says_how_many_there_are(config, tmp_path):
    assert "images           22, 0.00 GiB; 8 more are held out" in dry_run(config, tmp_path / "run")


def test_a_resumed_run_can_not_learn_from_them(run, config):
    fewer = config.model_copy(update={"data": config.data.model_copy(update={"held_out": 4})})
    with refusal("out", "data.held_out: 8 in the run, 4 now"):
        train(fewer, run, resume=True)
