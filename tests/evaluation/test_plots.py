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


def evaluated(step, count=500, **scores):
    return {
        "scores": scores,
        "generated": {"count": count},
        "features": {"sha256": "a"},
        "training": {"step": step, "images": 16 * step, "seconds": 3.0 * step},
    }


def test_scores_are_drawn_over_steps_images_and_minutes_and_the_best_is_marked(tmp_path, figures):
    from_command = evaluated(40, fid=1.0, ms_ssim=0.2)
    del from_command["training"]
    incomparable = evaluated(20, count=100, fid=2.0, ms_ssim=0.2)  # before the run was resumed
    records = [incomparable, evaluated(40, fid=9.0, ms_ssim=0.2), from_command]
    records += [evaluated(60, fid=5.0, ms_ssim=0.2), evaluated(80, fid=7.0, ms_ssim=0.2)]
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


def test_the_highest_is_marked_where_higher_is_better(tmp_path, figures):
    records = [evaluated(step, recall=recall) for step, recall in ((2, 0.1), (4, 0.5), (6, 0.3))]
    save_score_curves(tmp_path / "scores.png", records, "recall")
    _, star = figures[0].axes[0].lines
    assert (list(star.get_xdata()), list(star.get_ydata())) == ([4], [0.5])


def test_a_metric_that_some_records_lack_is_drawn_where_it_was_computed(tmp_path, figures):
    records = [evaluated(2, fid=3.0), evaluated(4, fid=2.0, swd=9.0)]
    save_score_curves(tmp_path / "scores.png", records, "fid")
    by_step = {axes.get_ylabel(): axes.lines[0] for axes in figures[0].axes[::2] if axes.get_ylabel()}
    assert list(by_step["fid"].get_xdata()) == [2, 4]
    assert list(by_step["swd"].get_xdata()) == [4]
