"""The model card of an export."""

import hashlib
import re

import pytest
import yaml

from facegan_tf.config.settings import Config
from facegan_tf.model.state import weights_sha256
from facegan_tf.run.directory import RunDirectory
from facegan_tf.run.records import EvaluationFiles
from facegan_tf.serving.card import licence_of
from facegan_tf.serving.export import export_run
from tests.helpers.configs import tiny_config, tiny_settings
from tests.helpers.fake_run import evaluation
from tests.helpers.served import untrained_run


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("exports")
    gan, _ = untrained_run(folder / "run", tiny_config("/home/me/img_align_celeba.zip"))
    EvaluationFiles(folder / "run").add(evaluation(step=0, weights_sha256=weights_sha256(gan), fid=12.5))
    EvaluationFiles(folder / "run").add(evaluation(step=0, fid=99.0))  # of another run's start
    EvaluationFiles(folder / "run").add(evaluation(step=7, fid=99.0))
    export_run(folder / "run", folder / "export")
    return folder / "export"


@pytest.fixture(scope="module")
def card(exported):
    return (exported / "README.md").read_text()


def test_it_begins_with_the_facts_that_the_hub_reads(card):
    facts = yaml.safe_load(card.split("---\n")[1])
    assert facts["license"] == "other" and facts["pipeline_tag"] == "unconditional-image-generation"
    [result] = facts["model-index"][0]["results"]
    assert {metric["type"]: metric["value"] for metric in result["metrics"]}["fid"] == 12.5


def test_it_names_data_licence_bias_and_only_the_scores_of_these_weights(card):
    assert "img_align_celeba.zip" in card and "/home/me" not in card
    assert "non-commercial" in card and "light-skinned" in card and "f" * 64 in card
    assert "| fid | 12.5 |" in card and "99" not in card.split("## Scores")[1].split("## Recipe")[0]
    assert (
        "Computed by `facegan evaluate` on 2026-01-01 from 20 faces" in card
        and "| `sample` | `seeds` int64 [N]" in card
    )


def test_it_holds_the_recipe_and_the_checksums_of_all_files(card, exported):
    recipe = yaml.safe_load(re.search(r"```yaml\n(.*?)```", card, re.DOTALL)[1])
    assert Config.model_validate(recipe) == Config.model_validate(tiny_settings("img_align_celeba.zip"))
    listed = dict(
        reversed(line.split()) for line in re.findall(r"^    [0-9a-f]{64}  \S+$", card, re.MULTILINE)
    )
    files = {path for path in exported.rglob("*") if path.is_file() and path.name != "README.md"}
    assert {exported / name for name in listed} == files
    for path in files:
        assert listed[path.relative_to(exported).as_posix()] == hashlib.sha256(path.read_bytes()).hexdigest()


def test_scores_that_a_training_computed_are_said_to_be_its_own(tmp_path):
    gan, _ = untrained_run(tmp_path / "run", tiny_config())
    EvaluationFiles(tmp_path / "run").add(
        evaluation(step=0, weights_sha256=weights_sha256(gan), training=True)
    )
    export_run(tmp_path / "run", tmp_path / "export")
    assert "Computed during training on 2026-01-01" in (tmp_path / "export" / "README.md").read_text()


@pytest.mark.parametrize(
    ("held_out", "use"),
    [(True, " held out from training"), (False, " used in training"), (None, "")],
)
def test_it_says_whether_the_model_was_trained_on_what_it_was_scored_against(tmp_path, held_out, use):
    gan, _ = untrained_run(tmp_path / "run", tiny_config())
    run = RunDirectory(tmp_path / "run")
    images = {"images": 7_000, "held_out": 1_000 if held_out else 0}
    run.update_record(store=run.read_record()["store"] | images)
    EvaluationFiles(run.folder).add(evaluation(step=0, weights_sha256=weights_sha256(gan), held_out=held_out))
    export_run(run.folder, tmp_path / "export")
    card = (tmp_path / "export" / "README.md").read_text()
    assert f"and 20 images{use} (fingerprint `{'f' * 64}`). Feature network" in card
    assert ("Images: 7,000" in card) and ("pixels; 1,000 more were held out\n" in card) == bool(held_out)


def test_the_licence_is_that_of_the_photos_of_which_a_store_was_prepared(tmp_path):
    untrained_run(tmp_path / "run", tiny_config("faces64"))
    run = RunDirectory(tmp_path / "run")
    run.update_record(store=run.read_record()["store"] | {"source": "/home/me/img_align_celeba.zip"})
    export_run(tmp_path / "run", tmp_path / "export")
    card = (tmp_path / "export" / "README.md").read_text()
    assert "non-commercial" in card and "/home/me" not in card


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("synthetic:24", "Apache-2.0"),
        ("lfw-funneled.zip", "Labeled Faces"),
        ("my_lfw", "Labeled Faces"),
        ("photos", "Fill this in"),
        ("halfway", "Fill this in"),
        ("synthetic_photos", "Fill this in"),
    ],
)
def test_what_is_known_about_the_photos_follows_from_their_name(source, words):
    assert words in licence_of([source]).text
    assert words in licence_of([source, source]).text


def test_what_the_hub_declares_is_passed_on_where_the_name_says_nothing():
    assert "mit (as declared)" in licence_of(["hf:someone/photos"], "mit (as declared)").text
    assert "non-commercial" in licence_of(["hf:someone/celeba"], "mit (as declared)").text


def test_photos_from_sources_of_several_kinds_need_a_word_from_the_publisher():
    assert "Fill this in" in licence_of(["celeba.zip", "lfw-funneled.zip"]).text


def test_the_images_seen_are_those_of_all_updates_of_the_discriminator(tmp_path):
    gan, checkpoints = untrained_run(tmp_path / "run", tiny_config(training={"critic_steps": 3}))
    gan.clock.step.assign(100)
    checkpoints.save()
    export_run(tmp_path / "run", tmp_path / "export")
    seen = 100 * 3 * gan.config.training.batch_size
    assert f"for 100 steps\n({seen:,} images seen)" in (tmp_path / "export" / "README.md").read_text()
