"""Curves of several runs in one figure."""

import numpy as np

from facegan_tf.report.curves import draw_panel, label_and_unit, loss_panels, score_panels
from facegan_tf.report.page import read_record
from facegan_tf.run.directory import RunDirectory
from tests.helpers.fake_run import CURVES, evaluation, make_run


def panels(**folders):
    runs = {name: RunDirectory(folder) for name, folder in folders.items()}
    return loss_panels(runs, {name: read_record(run) for name, run in runs.items()})


def test_there_is_a_panel_for_each_name_that_any_run_has_logged(tmp_path):
    one = make_run(tmp_path / "one")
    two = make_run(tmp_path / "two", losses=lambda step: {"d_loss": step, "g_loss": step, "drift": 2 * step})
    found = panels(one=one, two=two)
    assert [(panel.title, panel.unit, list(panel.curves)) for panel in found] == [
        ("Loss: discriminator (binary cross-entropy)", "binary cross-entropy", ["one", "two"]),
        ("Loss: generator (binary cross-entropy)", "binary cross-entropy", ["one", "two"]),
        ("Loss: R1 penalty (squared gradient)", "squared gradient", ["one"]),
        ("Loss: drift", "drift", ["two"]),
    ]
    images, values = found[3].curves["two"]
    assert images == [8, 16, 24]
    np.testing.assert_allclose(values, [4, 8, 12])


def test_runs_in_different_units_never_share_an_axis(tmp_path):
    hinge = CURVES | {"d_loss": {"label": "discriminator", "unit": "hinge"}}
    one, two = make_run(tmp_path / "one"), make_run(tmp_path / "two", curves=hinge)
    units = [
        (panel.unit, list(panel.curves)) for panel in panels(one=one, two=two) if "discrim" in panel.title
    ]
    assert units == [("binary cross-entropy", ["one"]), ("hinge", ["two"])]


def test_a_run_without_labels_shows_the_names_that_it_logged(tmp_path):
    run = make_run(tmp_path / "old", curves=None)
    assert [panel.title for panel in panels(old=run)] == ["Loss: d_loss", "Loss: g_loss", "Loss: r1"]
    assert label_and_unit("r1", {}) == ("r1", "")


def test_steps_at_which_a_loss_is_missing_or_null_are_skipped(tmp_path):
    def some(step):
        return {"d_loss": 1.0, "g_loss": 1.0} | {2: {"r1": 0.5}, 4: {}, 6: {"r1": None}}[step]

    [panel] = [panel for panel in panels(run=make_run(tmp_path / "run", losses=some)) if "R1" in panel.title]
    assert panel.curves["run"][0] == [8]
    np.testing.assert_array_equal(panel.curves["run"][1], [0.5])


def test_values_below_zero_are_inside_the_axes(tmp_path):
    run = make_run(tmp_path / "run", losses=lambda step: {"d_loss": -float(step), "g_loss": 1.0})
    [axes] = draw_panel(panels(run=run)[0]).axes
    low, high = axes.get_ylim()
    assert low < -6 and high > -2
    np.testing.assert_allclose(axes.lines[0].get_ydata(), [-2, -4, -6])


def test_scores_come_from_evaluations_during_training_alone(tmp_path):
    records = [evaluation(2, training=True, fid=9.0), evaluation(4, training=True), evaluation(6, fid=1.0)]
    run = RunDirectory(make_run(tmp_path / "run", evaluations=records))
    [fid] = score_panels({"run": run}, ["fid", "precision"])
    assert fid.title == "Score while training: fid"
    images, values = fid.curves["run"]
    assert images == [8, 16]
    np.testing.assert_array_equal(values, [9.0, 3.0])
