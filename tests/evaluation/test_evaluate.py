"""`facegan evaluate`: from a run, a SavedModel, images or a store to a record that says how it was made."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from facegan_tf.cli import main
from facegan_tf.common.errors import InputError
from facegan_tf.data.store import FaceStore
from facegan_tf.evaluation import features, nearest
from facegan_tf.evaluation.evaluate import evaluate
from facegan_tf.evaluation.metrics import ALL, OF_FEATURES, OF_PIXELS
from facegan_tf.training.train import train
from tests.helpers.configs import make_store, tiny_dcgan


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
def common(tmp_path, store, network_file):
    """Settings of a whole evaluation that leaves nothing outside tmp_path."""
    return {
        "reference": store,
        "count": 20,
        "features": str(network_file),
        "cache": tmp_path / "cache",
        "out": tmp_path / "out",
    }


def folder_of(store, count, folder):
    """The store's first images, as PNG files."""
    folder.mkdir()
    for index, image in enumerate(FaceStore.open(store).gather(np.arange(count))):
        Image.fromarray(image).save(folder / f"{index:03d}.png")
    return folder


def test_a_record_has_every_score_and_how_it_was_made(run, store, common, network_file):
    record = evaluate(run, **common)
    assert set(ALL) | {"kid_std", "swd_32", "swd_16"} == set(record["scores"])
    assert np.isfinite(list(record["scores"].values())).all()
    assert set(record["reference_scores"]) == {"ms_ssim", "psnr"}
    generated, reference, made_by = record["generated"], record["reference"], record["features"]
    assert (generated["kind"], generated["count"], generated["size"], generated["checkpoint_step"]) == (
        *("run", 20, 32, 4),
    )
    assert generated["seeds"] == [0, 19] and len(generated["weights_sha256"]) == 64
    assert (reference["count"], reference["images"], reference["size"]) == (20, 40, 32)
    assert reference["fingerprint"] == FaceStore.open(store).fingerprint
    assert (reference["crop"], reference["filter"]) == ("square", "lanczos")
    assert (made_by["name"], made_by["input_size"], made_by["range"]) == (str(network_file), 32, [-1, 1])
    assert record["seed"] == 0 and record["versions"]["tensorflow"] and record["created"]
    assert record["seconds"]["total"] >= record["seconds"]["generated features"] > 0


def test_records_are_written_and_none_is_lost(run, common):
    first, second = (evaluate(run, **common, seed=seed) for seed in (0, 100))
    out = common["out"]
    assert json.loads((out / "evaluation.json").read_text()) == second
    assert [json.loads(line) for line in (out / "evaluations.jsonl").read_text().splitlines()] == [
        first,
        second,
    ]
    with Image.open(out / "nearest.png") as picture:
        assert picture.width > 2 * 4 * 64 and picture.height > 8 * 64


def test_the_same_faces_score_the_same_wherever_they_come_from(run, common, tmp_path):
    from_run = evaluate(run, **common)["scores"]
    assert main(["export", str(run), "--out", str(tmp_path / "export")]) == 0
    assert main(["sample", str(run), "--out", str(tmp_path / "samples"), "--count", "20"]) == 0
    assert evaluate(tmp_path / "export", **common)["scores"] == pytest.approx(from_run, rel=1e-6)
    samples = evaluate(tmp_path / "samples", **common)
    assert samples["scores"] == pytest.approx(from_run, rel=1e-6)
    assert samples["generated"]["rejected"] == []  # grid.png, which lies there too, is none of them


def test_the_seed_draws_other_faces(run, common):
    assert evaluate(run, **common, seed=7)["scores"]["fid"] != evaluate(run, **common)["scores"]["fid"]


def test_reals_against_themselves_score_perfectly(store, common):
    scores = evaluate(store, **common)["scores"]
    assert scores["fid"] < 1e-6
    assert (scores["precision"], scores["recall"], scores["coverage"]) == (1, 1, 1)
    assert scores["psnr"] > 80


def test_batches_change_no_score(run, common):
    one, other = (evaluate(run, **common, batch_size=size)["scores"] for size in (3, 20))
    assert one == pytest.approx(other, rel=1e-6)


def test_a_second_evaluation_computes_only_the_generators_features(run, common, monkeypatch):
    evaluate(run, **common)
    monkeypatch.setattr(features, "extract", None)  # the reference's; the generator's is evaluate's own
    evaluate(run, **common)


def test_without_a_network_what_needs_none_is_still_computed(run, common, capsys):
    record = evaluate(run, **common | {"features": "none"})
    assert set(OF_PIXELS) <= set(record["scores"]) and not set(OF_FEATURES) & set(record["scores"])
    assert record["features"] is None
    assert "there is no fid, kid" in record["warnings"][-1]
    assert "there is no fid, kid" in capsys.readouterr().err


def test_no_download_leaves_the_scores_that_need_none(run, common, monkeypatch, capsys):
    import keras

    def no_network(*args, **kwargs):
        print("Downloading data from afar")  # as Keras does
        raise OSError("Name or service not known")

    monkeypatch.setattr(keras.applications, "InceptionV3", no_network)
    record = evaluate(run, **common | {"features": "inception"})
    assert set(OF_PIXELS) <= set(record["scores"])
    assert "--features FILE.keras" in record["warnings"][-1]
    told = capsys.readouterr()
    assert told.out == "" and told.err.count("--features FILE.keras") == 1
    with pytest.raises(InputError, match="each needs a feature network"):
        evaluate(run, **common | {"features": "inception"}, names=["fid", "recall"])


def test_only_the_metrics_asked_for_are_computed(run, common):
    record = evaluate(run, **common, names=["swd", "recall"])
    assert set(record["scores"]) == {"recall", "swd", "swd_32", "swd_16"}
    assert not (common["out"] / "nearest.png").exists()
    assert set(evaluate(run, **common | {"features": "none"}, names=["ms_ssim"])["scores"]) == {"ms_ssim"}


def test_too_few_images_for_a_covariance_are_warned_of_with_the_number_needed(run, common):
    warnings = evaluate(run, **common | {"count": 6}, names=["fid"])["warnings"]
    assert len(warnings) == 1 and "--count 7 is the least" in warnings[0]
    assert evaluate(run, **common | {"count": 7}, names=["fid"])["warnings"] == []


def test_a_run_is_scored_against_what_it_was_trained_on_by_default(run, common, store, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(run, copy)
    del common["reference"], common["out"], common["count"]
    record = evaluate(copy, **common)
    assert record["reference"]["fingerprint"] == FaceStore.open(store).fingerprint
    assert record["generated"]["count"] == 40
    assert json.loads((copy / "evaluation.json").read_text()) == record


def test_other_subjects_have_a_folder_in_outputs(store, common, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    images = folder_of(store, 20, tmp_path / "faces")
    del common["out"]
    evaluate(images, **common)
    assert (tmp_path / "outputs" / "evaluations" / "faces" / "evaluation.json").exists()
    assert sorted(path.suffix for path in images.iterdir()) == [".png"] * 20


def test_the_best_checkpoint_or_any_other_can_be_scored(run, common):
    steps = {which: evaluate(run, **common, checkpoint=which) for which in ("2", "last", "best")}
    assert [steps[which]["generated"]["checkpoint_step"] for which in ("2", "last")] == [2, 4]
    best = json.loads(next((run / "checkpoints" / "best").glob("step_*/checkpoint.json")).read_text())
    assert steps["best"]["generated"]["checkpoint_step"] == best["step"]
    with pytest.raises(InputError, match=r"--checkpoint 3: .* these steps: 2, 4"):
        evaluate(run, **common, checkpoint="3")


def test_bad_files_of_a_folder_are_left_out_and_named(store, common, tmp_path, capsys):
    images = folder_of(store, 20, tmp_path / "faces")
    (images / "000a.png").write_bytes(b"no image")
    Image.open(images / "001.png").save(images / "000b.jpg", quality=95)
    whole = (images / "000b.jpg").read_bytes()
    (images / "000b.jpg").write_bytes(whole[: len(whole) - 1000])
    (images / "notes.bmp").write_text("hello")
    record = evaluate(images, **common, names=["psnr"])
    rejected = dict(record["generated"]["rejected"])
    assert list(rejected) == ["000a.png", "000b.jpg", "notes.bmp"]
    assert "not an image" in rejected["000a.png"]
    assert "truncated" in rejected["000b.jpg"]
    assert "000a.png is left out" in capsys.readouterr().err
    with pytest.raises(InputError, match=r"--count 21: .* has only 20 images; 3 files are no images"):
        evaluate(images, **common | {"count": 21})


def refused(arguments, words, tmp_path, capsys):
    """Exit code 2, one clear message, no traceback, and nothing written."""
    before = sorted(tmp_path.rglob("*"))
    assert main(["evaluate", *map(str, arguments)]) == 2
    message = capsys.readouterr().err
    assert words in message and "Traceback" not in message, message
    assert sorted(tmp_path.rglob("*")) == before


def test_what_can_t_be_worked_with_is_refused_and_nothing_is_written(
    run, store, network_file, tmp_path, capsys
):
    images = folder_of(store, 8, tmp_path / "faces")
    mixed = folder_of(store, 8, tmp_path / "mixed")
    Image.new("RGB", (40, 32)).save(mixed / "004a.png")
    late = folder_of(store, 8, tmp_path / "late")
    Image.new("RGB", (16, 16)).save(late / "008.png")  # behind those that are scored
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.keras").write_text("no network")
    smaller = make_store(tmp_path / "smaller", 10, size=16)
    common = ["--out", tmp_path / "out", "--cache", tmp_path / "cache", "--features", network_file]
    against = ["--reference", store, *common]
    cases = [
        ([tmp_path / "nowhere", *against], "no such run"),
        ([tmp_path / "empty", *against], "holds no files"),
        ([mixed, *against, "--count", 8], "004a.png has 40x32 pixels"),
        ([late, *against, "--count", 8], "008.png has 16x16 pixels"),
        ([images, *against, "--count", 9], "has only 8 images"),
        ([images, *against, "--count", 41], "has only 40 images"),
        ([images, *against, "--count", 5], "--count 5: must be 6 or more"),
        ([images, *common], "--reference: must name a store"),
        ([images, *common, "--reference", images], "is not a store of faces"),
        ([images, *common, "--reference", tmp_path / "empty"], "is not a store of faces"),
        (
            [run, "--reference", smaller, *common],
            "the generator: has images of 32 pixels, the reference of 16",
        ),
        ([store, "--reference", smaller, *common], "has images of 32 pixels, the reference of 16"),
        ([images, *against, "--features", tmp_path / "text.keras"], "can't be loaded as a .keras file"),
        ([images, *against, "--features", tmp_path / "gone.keras"], "no such file"),
        ([images, *against, "--features", "inception", "--weights", tmp_path / "gone.h5"], "no such file"),
        ([images, *against, "--metrics", "fid", "is"], "--metrics is: no such metric"),
        ([images, *against, "--features", "none", "--metrics", "fid"], "each needs a feature network"),
        ([images, *against, "--checkpoint", "best"], "is no run"),
        ([run, *against, "--seed", "-1"], "--seed -1"),
        ([images, *against, "--batch-size", "0"], "--batch-size 0"),
        (["synthetic:9", *against], "no such run"),
    ]
    for arguments, words in cases:
        refused(arguments, words, tmp_path, capsys)


def test_json_alone_goes_to_stdout(store, common, capsys):
    flags = ["--reference", store, "--count", 8, "--features", common["features"], "--json"]
    flags += ["--metrics", "fid,kid", "swd", "--cache", common["cache"], "--out", common["out"]]
    assert main(["evaluate", *map(str, [store, *flags])]) == 0
    record = json.loads(capsys.readouterr().out)
    assert set(record["scores"]) == {"fid", "kid", "kid_std", "swd", "swd_32", "swd_16"}


def test_for_a_person_the_scores_come_with_their_provenance(store, common, capsys):
    flags = ["--reference", store, "--count", 8, "--features", common["features"]]
    flags += ["--cache", common["cache"], "--out", common["out"]]
    assert main(["evaluate", *map(str, [store, *flags])]) == 0
    lines = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines() if line)
    assert lines["fid"] == "0.000"
    assert "the reals:" in lines["psnr"]
    assert lines["reference"].startswith("8 of 40 images of 32 pixels, crop square, filter lanczos")
    assert "SHA-256" in lines["features"] and "at 32 pixels in -1 ... 1" in lines["features"]


def test_the_nearest_reals_are_looked_for_in_the_whole_store(store, common, monkeypatch):
    monkeypatch.setattr(nearest, "READ_AT_ONCE", 7)
    opened = FaceStore.open(store)
    faces = opened.gather(np.array([39, 0, 20]))
    found = nearest.nearest_reals(faces, opened)
    assert found.indices[:, 0].tolist() == [39, 0, 20]
    everything = opened.gather(np.arange(40)).astype(float)
    errors = ((everything - faces[0]) ** 2).sum(axis=(1, 2, 3))
    assert found.indices[0].tolist() == np.argsort(errors)[:3].tolist()
    np.testing.assert_allclose(
        found.psnr[0, 1:], 10 * np.log10(255**2 * faces[0].size / np.sort(errors)[1:3])
    )


def test_a_copied_training_image_is_among_those_shown(store, tmp_path):
    opened = FaceStore.open(store)
    random = np.random.default_rng(5)
    faces = random.integers(0, 256, (30, 32, 32, 3), dtype=np.uint8)
    faces[25] = opened.gather(np.array([17]))[0]
    found = nearest.nearest_reals(faces, opened)
    nearest.save_picture(tmp_path / "nearest.png", faces, found, opened)
    with Image.open(tmp_path / "nearest.png") as picture:
        pixels = np.asarray(picture)
    copy = faces[25].repeat(2, axis=0).repeat(2, axis=1)
    right = pixels[18 : 18 + 64, -(4 * 64 + 8) :]  # its first row: the face, a gap, three reals
    np.testing.assert_array_equal(right[:, :64], copy)
    np.testing.assert_array_equal(right[:, 72:136], copy)
