import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

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


def test_curves_are_drawn_in_both_colours(tmp_path):
    metrics = [{"step": s, "d_loss": 0.6, "g_loss": 1.0 + s / 100} for s in range(1, 50)]
    save_curves(tmp_path / "curves.png", metrics)
    with Image.open(tmp_path / "curves.png") as picture:
        pixels = np.asarray(picture.convert("RGB")).reshape(-1, 3)
    for colour in ((31, 119, 180), (255, 127, 14)):
        assert (pixels == colour).all(axis=1).sum() > 100


@pytest.fixture
def figures(monkeypatch):
    """The figures that are drawn."""
    made = []

    def make_figure(**settings):
        made.append(Figure(**settings))
        return made[-1]

    monkeypatch.setattr(plots, "Figure", make_figure)
    return made


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
