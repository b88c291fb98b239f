"""A third logged number, such as a penalty, through everything that a run writes and that reads a run."""

import math
import shutil

import pytest
import tensorflow as tf

from facegan_tf import train
from facegan_tf.cli import main
from facegan_tf.model.objectives.objective import Curve, Objective
from tests.helpers.configs import tiny_config
from tests.helpers.interruptions import Crash
from tests.helpers.runs import metrics, record, sha256, tensorboard_steps

NAMES = {"d_loss", "decay", "g_loss"}


@pytest.fixture(scope="module")
def objective():
    """Every objective gets a third term: the sum of the discriminator's squared weights."""
    terms, curves = Objective.discriminator_terms, Objective.curves

    def with_decay(self, batch):
        weights = batch.discriminator.trainable_variables
        return terms(self, batch) | {"decay": sum(tf.reduce_sum(tf.square(weight)) for weight in weights)}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Objective, "discriminator_terms", with_decay)
        decay = Curve("weight decay", "squared norm")
        patch.setattr(Objective, "curves", property(lambda self: curves.fget(self) | {"decay": decay}))
        yield


@pytest.fixture(scope="module")
def config(store_folder, objective):
    return tiny_config(store_folder, training={"steps": 6, "checkpoint_every": 2})


@pytest.fixture(scope="module")
def run(config, tmp_path_factory):
    return train(config, tmp_path_factory.mktemp("runs") / "three")


def test_logs_have_it_under_its_own_name(run):
    assert all(set(line) == {"step", "images"} | NAMES for line in metrics(run))
    assert len({line["decay"] for line in metrics(run)}) == 6
    assert tensorboard_steps(run)["decay"] == [1, 2, 3, 4, 5, 6]


def test_statistics_and_curves_in_run_json_have_it(run):
    losses = record(run)["losses"]
    assert set(losses) == NAMES
    logged = [line["decay"] for line in metrics(run)]
    assert losses["decay"]["mean"] == pytest.approx(math.fsum(logged) / 6)
    assert losses["decay"]["minimum"] == min(logged)
    assert record(run)["curves"]["decay"] == {"label": "weight decay", "unit": "squared norm"}
    assert set(record(run)["curves"]) == NAMES


@pytest.mark.slow
def test_a_crashed_run_resumes_to_the_same_bits(run, config, tmp_path):
    with pytest.raises(RuntimeError):
        train(config, tmp_path / "run", callbacks=[Crash(3)])
    train(config, tmp_path / "run", resume=True)
    assert sha256(tmp_path / "run") == sha256(run)
    assert (tmp_path / "run" / "metrics.jsonl").read_bytes() == (run / "metrics.jsonl").read_bytes()
    assert record(tmp_path / "run")["losses"] == record(run)["losses"]


def test_report_and_comparison_show_it(run, tmp_path):
    assert main(["report", str(run)]) == 0
    assert "weight decay" in (run / "report.html").read_text()
    shutil.copytree(run, tmp_path / "again")
    page = tmp_path / "page.html"
    assert main(["compare", str(run), str(tmp_path / "again"), "--out", str(page)]) == 0
    assert "weight decay" in page.read_text()
