"""The registry of metrics, and what everything that shows scores reads from it."""

import numpy as np
import pytest

from facegan_tf.common.errors import InputError
from facegan_tf.data.store import FaceStore
from facegan_tf.evaluation import best, metrics, plots, precision_recall
from facegan_tf.evaluation.generated import GeneratedImages
from facegan_tf.evaluation.metric import Metric, Score
from facegan_tf.evaluation.metrics import METRICS, in_order, metric_of, minimum_count, parts_of
from facegan_tf.evaluation.scoring import Measure, score
from facegan_tf.evaluation.sides import Sides
from facegan_tf.evaluation.text import as_text, written
from facegan_tf.report import compare
from tests.helpers.fake_run import evaluation


def test_names_are_put_in_order_once_each():
    assert in_order(["swd", "fid", "swd"]) == ["fid", "swd"]
    with pytest.raises(InputError) as caught:
        in_order(["fid", "zebra"])
    assert (caught.value.name, caught.value.value) == ("metrics", "zebra")


def test_every_score_belongs_to_one_metric():
    assert metric_of("kid_std") is METRICS["kid"] and metric_of("swd_32") is METRICS["swd"]
    assert metric_of("zebra") is None
    assert parts_of({"swd": 1.0, "swd_32": 2.0, "kid_std": 3.0}, "swd") == {"32": 2.0}
    for name in METRICS:  # or the parts of one would be taken for another
        assert not any(name.startswith(f"{other}_") for other in METRICS)


def test_the_most_demanding_metric_sets_the_fewest_images():
    assert minimum_count(["fid"]) == 2 < minimum_count(["fid", "recall"]) < minimum_count(METRICS) == 6


@pytest.mark.parametrize("name", METRICS)
def test_the_fewest_images_are_enough(name, store_folder):
    store = FaceStore.open(store_folder)
    sides = Sides(store.gather(np.arange(METRICS[name].min_count)), store, store, seed=0)
    features = np.random.default_rng(0).normal(size=(2, METRICS[name].min_count, 3)).astype(np.float32)
    sides.generated_features, sides.reference_features = features
    assert np.isfinite(METRICS[name].compute(sides).value)


def test_metrics_that_share_numbers_compute_them_once(monkeypatch, store_folder):
    calls = []

    def counted(*features):
        calls.append(features)
        return 0.25, 0.75

    monkeypatch.setattr(precision_recall, "precision_recall", counted)
    store = FaceStore.open(store_folder)
    sides = Sides(store.gather(np.arange(6)), store, store, seed=0)
    sides.generated_features = sides.reference_features = np.zeros((6, 2), np.float32)
    assert [METRICS[name].compute(sides).value for name in ("precision", "recall")] == [0.25, 0.75]
    assert len(calls) == 1


def test_scores_are_written_with_their_metrics_digits():
    assert [
        written(name, 1.23456789) for name in ("fid", "kid_std", "psnr", "recall", "swd_32", "zebra")
    ] == [
        *("1.235", "1.234568", "1.23 dB", "1.2346", "1.23", "1.2346"),
    ]


@pytest.mark.parametrize("better", ["lower", "higher", None])
def test_the_direction_decides_what_is_better(better):
    metric = Metric("zebra", "stripes", lambda sides: Score(0.0), needs_features=False, better=better)
    assert metric.is_better(1.0, 2.0) == (better == "lower")
    assert metric.is_better(2.0, 1.0) == (better == "higher")
    assert not metric.is_better(1.0, 1.0)
    if better:
        assert metric.best([2.0, 1.0, 3.0, 1.0, 3.0]) == (1 if better == "lower" else 2)


def test_a_metric_is_added_by_its_record_alone(monkeypatch, store_folder, tmp_path):
    stripes = Metric(
        name="stripes",
        meaning="how many stripes the faces have",
        compute=lambda sides: Score(7.0, parts={"wide": 2.0}, settings={"colours": 2}, of_reference=9.0),
        needs_features=False,
        better="higher",
        digits="{:.0f} stripes",
    )
    monkeypatch.setitem(metrics.METRICS, "stripes", stripes)
    store = FaceStore.open(store_folder)
    _, record = score(
        GeneratedImages(store.gather(np.arange(6)), {"kind": "store", "path": "x"}),
        store,
        Measure(["swd", "stripes"], None),
        began=0.0,
    )
    assert (record["scores"]["stripes"], record["scores"]["stripes_wide"]) == (7.0, 2.0)
    assert record["settings"]["stripes"] == {"colours": 2} and "stripes" in record["seconds"]
    assert "7 stripes" in as_text(record) and "9 stripes" in as_text(record)
    record["training"] = {"step": 1, "images": 4, "seconds": 1.0}
    plots.save_score_curves(tmp_path / "scores.png", [record], "stripes")
    settings = best.EvaluationSettings(best_by="stripes")
    assert best.best_metric(settings) is stripes
    rows = compare._rows([evaluation(stripes=1.0), evaluation(stripes=3.0)], comparable=True)
    row = next(row for row in rows if row["name"] == "stripes")
    assert row["meaning"] == stripes.meaning
    assert [cell["best"] for cell in row["cells"]] == [False, True]
