import numpy as np
import pytest
from matplotlib.figure import Figure

from facegan_tf.run import plots
from facegan_tf.run.plots import save_curves, save_psnr_curves, smooth


@pytest.mark.parametrize("count", [1, 2, 10, 1000])
def test_smoothing_keeps_a_constant_and_a_slope(count):
    np.testing.assert_allclose(smooth(np.full(count, 3.0)), 3.0)
    middle = slice(count // 4, count - count // 4)
    np.testing.assert_allclose(smooth(np.arange(count, dtype=float))[middle], np.arange(count)[middle])


def test_smoothing_is_the_mean_of_what_is_near():
    values = np.random.default_rng(0).normal(size=1000)
    assert smooth(values)[500] == pytest.approx(values[485:516].mean())
    assert smooth(values)[0] == pytest.approx(values[:16].mean())


@pytest.fixture
def figures(monkeypatch):
    """The figures that are drawn."""
    made = []

    def make_figure(**settings):
        made.append(Figure(**settings))
        return made[-1]

    monkeypatch.setattr(plots, "Figure", make_figure)
    return made


CURVES = {
    "d_loss": {"label": "discriminator", "unit": "binary cross-entropy"},
    "g_loss": {"label": "generator", "unit": "binary cross-entropy"},
}


def losses(steps, **functions):
    return [
        {"step": step, "images": 4 * step} | {name: f(step) for name, f in functions.items()}
        for step in steps
    ]


def drawn(axes):
    """The smoothed curves of a panel, by their labels."""
    return {line.get_label(): line for line in axes.lines if not line.get_label().startswith("_")}


def test_losses_of_one_unit_share_a_panel(tmp_path, figures):
    lines = losses(range(1, 50), d_loss=lambda _: 0.6, g_loss=lambda step: 1 + step / 100)
    save_curves(tmp_path / "curves.png", lines, CURVES)
    [panel] = figures[0].axes
    assert (panel.get_ylabel(), panel.get_xlabel()) == ("binary cross-entropy", "step")
    assert list(drawn(panel)) == ["discriminator", "generator"]
    assert list(drawn(panel)["discriminator"].get_xdata()) == list(range(1, 50))
    assert len({line.get_color() for line in panel.lines}) == 2
    assert len(panel.lines) == 4  # each as it was logged, faint, and smoothed
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_each_unit_has_a_panel_and_unknown_names_label_themselves(tmp_path, figures):
    curves = CURVES | {"r1": {"label": "R1 penalty", "unit": "squared gradient"}}
    lines = losses([1, 2], d_loss=lambda _: 0.6, r1=lambda _: 900.0, g_loss=lambda _: 1.0, mine=lambda _: 5.0)
    save_curves(tmp_path / "curves.png", lines, curves)
    assert {panel.get_ylabel(): list(drawn(panel)) for panel in figures[0].axes} == {
        "binary cross-entropy": ["discriminator", "generator"],
        "squared gradient": ["R1 penalty"],
        "loss": ["mine"],
    }
    colours = [line.get_color() for panel in figures[0].axes for line in drawn(panel).values()]
    assert len(set(colours)) == 4


@pytest.mark.parametrize("lowest", [-0.3, 0.0, 0.2, -900.0, 900.0])
def test_no_value_is_cut_off(tmp_path, figures, lowest):
    lines = losses(range(1, 30), d_loss=lambda step: lowest if step == 7 else lowest + 1)
    save_curves(tmp_path / "curves.png", lines, CURVES)
    bottom, top = figures[0].axes[0].get_ylim()
    assert bottom <= lowest and lowest + 1 <= top
    assert bottom < lowest or lowest >= 0


def test_a_loss_that_begins_late_or_is_missing_now_and_then_is_drawn_where_it_is_known(tmp_path, figures):
    lines = losses(range(1, 7), d_loss=lambda _: 0.6)
    lines[3]["penalty"], lines[4]["penalty"], lines[5]["penalty"] = 2.0, None, 4.0
    save_curves(tmp_path / "curves.png", lines, {})
    penalty = drawn(figures[0].axes[0])["penalty"]
    assert (list(penalty.get_xdata()), list(penalty.get_ydata())) == ([4, 6], [2.0, 4.0])


def test_a_single_point_has_a_marker(tmp_path, figures):
    save_curves(tmp_path / "curves.png", losses([1], d_loss=lambda _: 0.6), CURVES)
    assert drawn(figures[0].axes[0])["discriminator"].get_marker() == "o"


def test_psnr_is_drawn_of_four_faces_and_of_all_in_the_mean(tmp_path, figures):
    lines = [{"step": step, "faces": [10.0 + k + step / 10 for k in range(16)]} for step in (50, 100)]
    save_psnr_curves(tmp_path / "psnr.png", lines, among_reals=14.0)
    curves = {line.get_label(): list(line.get_ydata()) for line in figures[0].axes[0].lines}
    assert curves == {
        **{f"face {k}": [15.0 + k, 20.0 + k] for k in range(4)},
        "mean of 16": [22.5, 27.5],
        "two different reals": [14.0, 14.0],
    }
    assert (tmp_path / "psnr.png").read_bytes().startswith(b"\x89PNG")
