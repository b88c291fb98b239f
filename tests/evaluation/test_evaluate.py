"""`facegan evaluate`: from a run, a SavedModel, images or a store to a record of scores and their origin."""

import json
import shutil

import numpy as np
import pytest
import yaml
from PIL import Image

from facegan_tf.cli import main
from facegan_tf.common.errors import InputError
from facegan_tf.data.store import FaceStore
from facegan_tf.evaluation import features, generated
from facegan_tf.evaluation.evaluate import EvaluationRequest, evaluate
from facegan_tf.evaluation.metrics import METRICS
from facegan_tf.run.restore import RunState
from facegan_tf.training.train import train
from tests.helpers.configs import make_store, tiny_dcgan
from tests.helpers.image_folders import folder_of

NEED_FEATURES = {name for name, metric in METRICS.items() if metric.needs_features}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return make_store(tmp_path_factory.mktemp("reference") / "store", 40)


@pytest.fixture(scope="module")
def run(tmp_path_factory, store):
    config = tiny_dcgan(
        store, training={"steps": 4, "checkpoint_every": 2}, evaluation={"every": 2, "count": 8}
    )
    return train(config, tmp_path_factory.mktemp("runs") / "tiny")


@pytest.fixture
def score(tmp_path, store, network_file):
    """Evaluates 20 images against the store; leaves nothing outside tmp_path."""

    def scored(path, checkpoint="last", reference=store, out=tmp_path / "out", **request):
        request = {"count": 20, "features": str(network_file)} | request
        return evaluate(
            path,
            reference,
            EvaluationRequest(**request),
            state=RunState(checkpoint),
            cache=tmp_path / "cache",
            out=out,
        )

    return scored


@pytest.fixture
def flags(tmp_path, store, network_file):
    """The same for the command line."""
    given = ["--reference", store, "--count", 8, "--features", network_file]
    return [str(each) for each in (*given, "--cache", tmp_path / "cache", "--out", tmp_path / "out")]


def test_a_record_has_every_score_and_how_it_was_computed(run, store, score, network_file):
    record = score(run)
    assert set(METRICS) | {"kid_std", "swd_32", "swd_16"} == set(record["scores"])
    assert np.isfinite(list(record["scores"].values())).all()
    assert set(record["reference_scores"]) == {"ms_ssim", "psnr"}
    made, reference, network = record["generated"], record["reference"], record["features"]
    assert (made["kind"], made["count"], made["size"], made["checkpoint_step"]) == ("run", 20, 32, 4)
    assert made["seeds"] == [0, 19] and len(made["weights_sha256"]) == 64
    assert (reference["count"], reference["images"], reference["size"]) == (20, 40, 32)
    assert reference["fingerprint"] == FaceStore.open(store).fingerprint
    assert (reference["crop"], reference["filter"]) == ("square", "lanczos")
    assert (network["name"], network["input_size"], network["range"]) == (str(network_file), 32, [-1, 1])
    assert record["seed"] == 0 and record["versions"]["tensorflow"] and record["created"]
    assert record["seconds"]["total"] >= record["seconds"]["generated features"] > 0
    assert set(METRICS) <= set(record["seconds"])


def test_every_record_is_kept(run, score, tmp_path):
    first, second = (score(run, seed=seed) for seed in (0, 100))
    out = tmp_path / "out"
    assert json.loads((out / "evaluation.json").read_text()) == second
    lines = (out / "evaluations.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [first, second]
    with Image.open(out / "nearest.png") as picture:
        assert picture.width > 2 * 4 * 64 and picture.height > 8 * 64


@pytest.mark.slow
def test_the_same_faces_score_the_same_wherever_they_come_from(run, score, tmp_path):
    from_run = score(run)["scores"]
    assert main(["export", str(run), "--out", str(tmp_path / "export")]) == 0
    assert main(["sample", str(run), "--out", str(tmp_path / "samples"), "--count", "20"]) == 0
    assert score(tmp_path / "export")["scores"] == pytest.approx(from_run, rel=1e-6)
    samples = score(tmp_path / "samples")
    assert samples["scores"] == pytest.approx(from_run, rel=1e-6)
    assert samples["generated"]["rejected"] == []  # grid.png, which is there too, is not one of the faces


def test_another_seed_draws_other_faces(run, score):
    assert score(run, seed=7)["scores"]["fid"] != score(run)["scores"]["fid"]


def test_reals_against_themselves_score_perfectly(store, score):
    scores = score(store)["scores"]
    assert scores["fid"] < 1e-6 and scores["mind"] < 1e-6
    assert (scores["precision"], scores["recall"], scores["coverage"]) == (1, 1, 1)
    assert scores["psnr"] > 80


def test_the_batch_size_changes_no_score(run, score):
    one, other = (score(run, batch_size=size)["scores"] for size in (3, 20))
    assert one == pytest.approx(other, rel=1e-6)


def test_a_second_evaluation_computes_only_the_generators_features(run, score, monkeypatch):
    score(run)
    monkeypatch.setattr(features, "extract", None)  # the cache's; scoring has its own name for it
    score(run)


def test_without_a_network_the_other_metrics_are_still_computed(run, score, capsys):
    record = score(run, features="none")
    assert set(METRICS) & set(record["scores"]) == set(METRICS) - NEED_FEATURES
    assert record["features"] is None
    assert "fid, kid" in record["warnings"][-1]
    assert record["warnings"][-1] in capsys.readouterr().err


def test_a_failed_download_leaves_the_scores_that_need_no_network(run, score, monkeypatch, capsys):
    import keras

    def no_network(*args, **kwargs):
        print("Downloading data from afar")  # as Keras does
        raise OSError("Name or service not known")

    monkeypatch.setattr(keras.applications, "InceptionV3", no_network)
    record = score(run, features="inception")
    assert set(METRICS) & set(record["scores"]) == set(METRICS) - NEED_FEATURES
    assert "The feature network could not be downloaded" in record["warnings"][-1]
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.count("could not be downloaded") == 1
    with pytest.raises(InputError) as caught:
        score(run, features="inception", metrics=["fid", "recall"])
    assert (caught.value.name, caught.value.value) == ("metrics", "fid recall")
    assert "could not be downloaded" in caught.value.problem


def test_only_the_metrics_asked_for_are_computed(run, score, tmp_path):
    record = score(run, metrics=["swd", "recall"])
    assert set(record["scores"]) == {"recall", "swd", "swd_32", "swd_16"}
    assert not (tmp_path / "out" / "nearest.png").exists()
    assert set(score(run, features="none", metrics=["ms_ssim"])["scores"]) == {"ms_ssim"}


def test_too_few_images_for_a_covariance_cause_a_warning_with_the_number_needed(run, score):
    warnings = score(run, count=6, metrics=["fid"])["warnings"]
    assert len(warnings) == 1 and "7 images or more" in warnings[0]
    assert score(run, count=7, metrics=["fid"])["warnings"] == []


def test_a_run_is_scored_against_its_training_images_by_default(run, score, store, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(run, copy)
    record = score(copy, reference=None, out=None, count=None)
    assert record["reference"]["fingerprint"] == FaceStore.open(store).fingerprint
    assert record["reference"]["held_out"] is False
    assert record["generated"]["count"] == 40
    assert json.loads((copy / "evaluation.json").read_text()) == record


def test_a_run_is_scored_against_the_part_of_its_store_that_it_used_though_the_photos_are_gone(
    run, score, tmp_path, capsys
):
    copy = shutil.copytree(run, tmp_path / "copy")
    config = yaml.safe_load((copy / "config.yaml").read_text())
    config["data"] |= {"limit": 12, "source": str(tmp_path / "gone.zip")}
    (copy / "config.yaml").write_text(yaml.safe_dump(config))
    record = score(copy, reference=None, count=None, metrics=["swd", "psnr"])
    assert (record["reference"]["images"], record["reference"]["count"]) == (12, 12)
    assert "gone.zip" in capsys.readouterr().err


def test_other_images_have_a_folder_in_outputs(store, score, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    images = folder_of(store, 20, tmp_path / "faces")
    score(images, out=None)
    assert (tmp_path / "outputs" / "evaluations" / "faces" / "evaluation.json").exists()
    assert sorted(path.suffix for path in images.iterdir()) == [".png"] * 20


def test_images_with_the_same_folder_name_have_folders_of_their_own(store, score, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("ours", "others"):
        (tmp_path / name).mkdir()
    ours, others = (folder_of(store, 20, tmp_path / name / "faces.v1") for name in ("ours", "others"))
    (tmp_path / "link").symlink_to(ours)
    for images in (ours, others, "link"):
        score(images, out=None)
    for name, images, times in (("faces.v1", ours, 2), ("faces.v1_2", others, 1)):
        lines = (tmp_path / "outputs" / "evaluations" / name / "evaluations.jsonl").read_text().splitlines()
        assert [json.loads(line)["generated"]["path"] for line in lines] == [str(images)] * times
    (tmp_path / "outputs" / "evaluations" / "faces.v1" / "evaluation.json").write_text("edited")
    score(ours, out=None)  # not beside something else's evaluation
    assert (tmp_path / "outputs" / "evaluations" / "faces.v1" / "evaluation.json").read_text() == "edited"


def test_the_last_the_best_or_any_checkpoint_can_be_scored(run, score):
    steps = {which: score(run, checkpoint=which) for which in ("2", "last", "best")}
    assert [steps[which]["generated"]["checkpoint_step"] for which in ("2", "last")] == [2, 4]
    best = max((run / "checkpoints" / "best").iterdir())
    best_step = json.loads((best / "checkpoint.json").read_text())["step"]
    assert steps["best"]["generated"]["checkpoint_step"] == best_step
    with pytest.raises(InputError, match="2, 4"):
        score(run, checkpoint="3")


@pytest.mark.parametrize("kind", ["folder", "store"])
def test_without_a_count_as_many_are_scored_as_both_sides_have(store, score, tmp_path, capsys, kind):
    path = tmp_path / "faces"
    if kind == "folder":
        folder_of(store, 9, path)
    else:
        make_store(path, 9)
    record = score(path, count=None)
    assert (record["generated"]["count"], record["reference"]["count"]) == (9, 9)
    assert "scoring 9 images of each side, as many as both sides have" in capsys.readouterr().err
    assert score(store, reference=make_store(tmp_path / "small", 8), count=None)["generated"]["count"] == 8


def test_the_default_count_is_a_limit(store, score, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(generated, "DEFAULT_COUNT", 10)
    assert score(folder_of(store, 12, tmp_path / "faces"), count=None)["generated"]["count"] == 10
    assert score(store, count=None)["generated"]["count"] == 10


def test_json_alone_goes_to_stdout(store, flags, capsys):
    assert main(["evaluate", str(store), *flags, "--json", "--metrics", "fid,kid", "swd"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert set(record["scores"]) == {"fid", "kid", "kid_std", "swd", "swd_32", "swd_16"}


def test_for_people_the_scores_come_with_how_they_were_computed(store, flags, capsys):
    assert main(["evaluate", str(store), *flags]) == 0
    lines = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines() if line)
    assert lines["fid"] == "0.000"
    assert "the reals:" in lines["psnr"]
    assert lines["reference"].startswith("8 of 40 images of 32 pixels, crop square, filter lanczos")
    assert "SHA-256" in lines["features"] and "at 32 pixels in -1 ... 1" in lines["features"]
