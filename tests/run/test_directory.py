import json

import pytest

from facegan_tf.common.errors import InputError
from facegan_tf.run.directory import RunDirectory
from tests.helpers.fake_run import make_run


@pytest.fixture
def run(tmp_path):
    return RunDirectory(make_run(tmp_path / "run"))


def append(log, **line):
    with log.open("a") as file:
        file.write(json.dumps(line) + "\n")


def test_lines_of_losses_may_have_any_names_and_lines_of_scores_are_left_out(run):
    before = run.read_losses()
    penalty = {"step": 7, "images": 28, "penalty": 0.5}
    append(run.metrics, step=7, images=28, **{"scores/fid": 3.0})
    append(run.metrics, **penalty)
    assert run.read_losses() == [*before, penalty]


@pytest.mark.parametrize("loss", ["high", [1.0], {"a": 1}])
def test_a_loss_that_is_not_a_number_is_named(run, loss):
    append(run.metrics, step=7, images=28, d_loss=loss)
    with pytest.raises(InputError) as caught:
        run.read_losses()
    assert caught.value.value == run.metrics
    assert "d_loss" in caught.value.problem and "step 7" in caught.value.problem


def test_curves_are_those_of_the_record_and_old_runs_have_none(run):
    assert run.read_curves()["d_loss"] == {"label": "discriminator", "unit": "binary cross-entropy"}
    record = json.loads(run.record.read_text())
    del record["curves"]
    run.record.write_text(json.dumps(record))
    assert run.read_curves() == {}
    run.record.unlink()
    assert run.read_curves() == {}


@pytest.mark.parametrize(
    "damage",
    [
        {"curves": []},
        {"curves": {"d_loss": "discriminator"}},
        {"curves": {"d_loss": {"label": "discriminator"}}},
        {"curves": {"d_loss": {"label": "discriminator", "unit": 3}}},
        {"losses": 3},
        {"versions": "3.11"},
        {"store": {}},
        {"store": None},
        {"store": {"fingerprint": 1}},
    ],
)
def test_a_damaged_record_is_named(run, damage):
    record = json.loads(run.record.read_text()) | damage
    run.record.write_text(json.dumps(record))
    with pytest.raises(InputError) as caught:
        run.read_record()
    assert caught.value.value == run.record


@pytest.mark.parametrize("text", ["", "[]", "null", '{"store"', "[" * 10**5])
def test_a_record_that_is_not_an_object_is_named(run, text):
    run.record.write_text(text)
    with pytest.raises(InputError) as caught:
        run.read_record()
    assert caught.value.value == run.record


def test_the_prepared_store_is_the_one_that_the_run_began_with(run, tmp_path):
    assert str(run.prepared_store()) == "/stores/one"
    assert RunDirectory(tmp_path / "elsewhere").prepared_store() is None


def test_grids_come_in_the_order_of_their_steps_and_other_files_are_left_out(run):
    (run.grids / "step_best.png").write_text("not a grid of ours")
    run.grid(1_000_000).write_text("")
    assert run.grid_paths() == [run.grid(step) for step in (2, 4, 6, 1_000_000)]
