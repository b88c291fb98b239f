"""A run that holds images out: it never sees them, and is scored against them."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from facegan_tf import load_generator, train
from facegan_tf.data.store import FaceStore, StoreWriter
from facegan_tf.evaluation.comparable import same_measure
from facegan_tf.evaluation.evaluate import EvaluationRequest, evaluate
from facegan_tf.evaluation.text import as_text
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


def make_copy(store, folder):
    """A store with the pixels of `store`, which may be a part of another."""
    folder.mkdir()
    writer = StoreWriter(folder, store.size)
    writer.append(store.gather(np.arange(len(store))).tobytes())
    about = {name: getattr(store.manifest, name) for name in ("crop", "filter", "source", "source_identity")}
    writer.finish(**about, limit=None, rejected=0, versions={}, created="2000-01-01T00:00:00+00:00")
    return folder


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
    assert record["reference"]["searched_for_copies"] == 22
    text = as_text(record)
    assert "8 of 8 images of 32 pixels held out from training" in text
    assert "looked for among 22 images" in text


def test_the_text_speaks_of_copies_only_if_they_were_looked_for_and_the_record_says_where(run, tmp_path):
    record = evaluate(run, request=EvaluationRequest(features="none"), out=tmp_path / "out")
    assert "looked for" in as_text(record)
    del record["reference"]["searched_for_copies"]  # as in records of before it was counted
    assert "looked for" not in as_text(record)
    request = EvaluationRequest(features="none", metrics=["swd"])
    assert "looked for" not in as_text(evaluate(run, request=request, out=tmp_path / "swd"))


def test_the_picture_of_nearest_reals_shows_images_of_the_training(run, stores, tmp_path):
    evaluate(run, request=EvaluationRequest(features="none", metrics=["psnr"]), out=tmp_path / "out")
    face = load_generator(run).sample([0])[0].astype(float)
    training = FaceStore.open(stores[0]).gather(np.arange(22))
    nearest = training[((training - face) ** 2).sum(axis=(1, 2, 3)).argmin()]
    picture = np.asarray(Image.open(tmp_path / "out" / "nearest.png"))
    title, tile, gap = 18, 64, 8  # to the right of the face, all enlarged to 64 pixels
    shown = picture[title : title + tile, tile + gap : tile + gap + tile]
    np.testing.assert_array_equal(shown[::2, ::2], nearest)


def test_too_few_held_out_images_are_not_blamed_on_the_store(run, tmp_path):
    with refusal("count", "the held-out part of", "has only 8 images", value=9):
        evaluate(run, request=EvaluationRequest(features="none", count=9), out=tmp_path / "out")


def test_without_images_held_out_too_few_are_blamed_on_the_store(run, config, stores, tmp_path):
    changed = config.model_copy(update={"data": config.data.model_copy(update={"held_out": 0})})
    copy = shutil.copytree(run, tmp_path / "copy")
    (copy / "config.yaml").write_text(changed.to_yaml())
    with refusal("count", f"{stores[0]} has only 30 images", value=31) as caught:
        evaluate(copy, request=EvaluationRequest(features="none", count=31), out=tmp_path / "out")
    assert "held-out" not in caught.value.problem


def test_images_that_the_training_may_have_seen_are_not_taken_for_held_out(run, config, tmp_path):
    # As if photos had been removed since: other images are now the last ones.
    changed = config.model_copy(update={"data": config.data.model_copy(update={"source": "synthetic:40"})})
    copy = shutil.copytree(run, tmp_path / "copy")
    (copy / "config.yaml").write_text(changed.to_yaml())
    with refusal("reference", "has other pixels than those the run began with"):
        evaluate(copy, request=EvaluationRequest(features="none"), cache=tmp_path / "cache")


def test_scores_against_held_out_images_compare_with_those_against_a_store_of_them(run, stores, tmp_path):
    alone = make_copy(stores[1], tmp_path / "alone")
    request = EvaluationRequest(features="none")
    ours = evaluate(run, request=request, out=tmp_path / "ours")
    given = evaluate(run, alone, request, out=tmp_path / "given")
    assert given["reference"]["held_out"] is None
    assert same_measure(ours, given)
    assert given["scores"]["swd"] == ours["scores"]["swd"]


def test_photos_that_are_not_prepared_yet_are_counted_without_those_held_out(tmp_path):
    data = {"source": "synthetic:12", "held_out": 5, "cache": str(tmp_path / "cache")}
    assert "images           7," in dry_run(tiny_dcgan(data=data), tmp_path / "run")
    with refusal("training.batch_size", "the 3 images of synthetic:12 that are not held out"):
        dry_run(tiny_dcgan(data=data | {"held_out": 9}), tmp_path / "run")


def test_a_dry_run_says_how_many_there_are(config, tmp_path):
    assert "images           22, 0.00 GiB; 8 more are held out" in dry_run(config, tmp_path / "run")


def test_a_resumed_run_can_not_learn_from_them(run, config):
    fewer = config.model_copy(update={"data": config.data.model_copy(update={"held_out": 4})})
    with refusal("out", "data.held_out: 8 in the run, 4 now"):
        train(fewer, run, resume=True)
