import numpy as np
import pytest
from matplotlib.figure import Figure

from facegan_tf.evaluation import plots
from facegan_tf.evaluation.plots import save_score_curves


@pytest.fixture
def figures(monkeypatch):
    """The figures that are drawn."""
    made = []

    def make_figure(**settings):
        made.append(Figure(**settings))
        return made[-1]

    monkeypatch.setattr(plots, "Figure", make_figure)
    return made


def evaluated(step, fid, count=500):
    return {
        "scores": {"fid": fid, "ms_ssim": 0.2},
        "generated": {"count": count},
        "features": {"sha256": "a"},
        "training": {"step": step, "images": 16 * step, "seconds": 3.0 * step},
    }


def test_scores_are_drawn_over_steps_images_and_minutes_and_the_best_is_starred(tmp_path, figures):
    by_the_verb = {key: value for key, value in evaluated(40, 1.0).items() if key != "training"}
    otherwise = evaluated(20, 2.0, count=100)  # before the run went on with another count
    records = [otherwise, evaluated(40, 9.0), by_the_verb, evaluated(60, 5.0), evaluated(80, 7.0)]
    save_score_curves(tmp_path / "scores.png", records, "fid")
    (by_step, by_time), (diversity, _) = np.array(figures[0].axes[:4]).reshape(2, 2)
    curve, star = by_step.lines
    assert (list(curve.get_xdata()), list(curve.get_ydata())) == ([40, 60, 80], [9.0, 5.0, 7.0])
    assert (star.get_label(), list(star.get_xdata()), list(star.get_ydata())) == ("best", [60], [5.0])
    assert list(by_time.lines[0].get_xdata()) == [2.0, 3.0, 4.0]
    assert (by_step.get_ylabel(), diversity.get_ylabel()) == ("fid", "ms_ssim")
    (images,) = by_step.child_axes
    assert images.get_xlabel() == "reals seen"
    assert images.get_xlim() == pytest.approx([16 * step for step in by_step.get_xlim()])
    assert figures[0].get_suptitle() == "N = 500 of each side"
    assert (tmp_path / "scores.png").read_bytes().startswith(b"\x89PNG")
