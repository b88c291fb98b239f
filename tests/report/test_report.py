import json
import re
import subprocess
import sys

import pytest

from facegan_tf.cli import main
from facegan_tf.common.errors import InputError
from facegan_tf.report import pictures
from facegan_tf.report.report import write_report
from facegan_tf.run.directory import RunDirectory
from tests.helpers.fake_run import evaluation, make_run, picture
from tests.helpers.pages import Page, opened, shade

SECTIONS = (
    *("The run", "Faces", "Over time", "Curves", "Scores", "Nearest neighbours", "Settings"),
    "Versions and machine",
)


@pytest.fixture
def run(tmp_path):
    evaluations = [evaluation(2, training=True, fid=9.0), evaluation(6, psnr=15.0, swd=21.0)]
    return make_run(tmp_path / "faces", evaluations=evaluations, best=4)


def frames(page):
    (found,) = re.findall(r"const frames = (\[.*?\]);", page.source)
    return json.loads(found)


def test_the_page_shows_the_whole_run_and_needs_no_other_file(run):
    page = Page(write_report(run))
    assert [heading for heading in page.sections if heading] == list(SECTIONS)
    assert shade(page.images["Grid of generated faces after step 6"]) == 6
    assert shade(page.images["Grid of generated faces after step 4, which has the best score"]) == 4
    assert page.images["Animation of the grids, from the first to the last"].n_frames == 2
    assert {"Losses over the steps", "Scores over the steps"} <= set(page.images)
    assert "Generated faces, each beside its three nearest real images" in page.images
    assert "finished" in page.sections["The run"] and "step 4" in page.sections["The run"]
    assert "latent_scale: 0.5" in page.sections["Settings"]
    assert "facegan train" in page.sections["Versions and machine"]


def test_the_page_says_which_images_were_held_out_and_scored_against(tmp_path):
    folder = make_run(tmp_path / "faces", evaluations=[evaluation(6, held_out=True)])
    run = RunDirectory(folder)
    run.update_record(store=run.read_record()["store"] | {"held_out": 30})
    page = Page(write_report(folder))
    assert "100 in /stores/one (fingerprint ffffffffffff); 30 more held out" in page.sections["The run"]
    assert "20 of 100 images of 32 pixels held out from training, crop" in page.sections["Scores"]


def test_the_slider_has_every_grid_in_order(run):
    found = frames(Page(write_report(run)))
    assert [frame["step"] for frame in found] == [2, 4, 6]
    assert [shade(opened(frame["picture"])) for frame in found] == [2, 4, 6]


def test_the_page_stays_small_with_many_or_large_grids(tmp_path):
    run = make_run(tmp_path / "long", steps=range(1, 101))
    picture(run / "grids" / "step_000100.png", 100, size=1000)
    found = frames(Page(write_report(run)))
    steps = [frame["step"] for frame in found]
    assert len(found) == pictures.FRAMES and steps[0] == 1 and steps[-1] == 100 and steps == sorted(steps)
    assert opened(found[-1]["picture"]).size == (384, 384)


def test_every_logged_loss_is_in_the_table_of_losses(tmp_path):
    names = {"d_loss": -0.5, "g_loss": 2.0, "r1": 0.25, "drift": 0.125}
    run = make_run(tmp_path / "run", losses=lambda step: {name: k * step for name, k in names.items()})
    curves = " ".join(Page(write_report(run)).sections["Curves"].split())
    assert "discriminator binary cross-entropy -2.0000 -3.0000 6" in curves
    assert "generator binary cross-entropy 8.0000 4.0000 2" in curves
    assert "R1 penalty squared gradient 1.0000 0.5000 2" in curves
    assert "drift 0.5000 0.2500 2" in curves


def test_without_labels_the_table_of_losses_has_the_logged_names(tmp_path):
    curves = " ".join(Page(write_report(make_run(tmp_path / "old", curves=None))).sections["Curves"].split())
    assert "d_loss -1.0000 -2.0000 6" in curves


def test_scores_come_with_their_meaning_and_how_they_were_computed(run):
    scores = Page(write_report(run)).sections["Scores"]
    for words in (
        *("3.000", "0.010000 ± 0.002000", "21.00", "15.00 dB", "lower", "fid: too few images"),
        *(
            "20 of 100 images of 32 pixels, crop square",
            "small.keras (SHA-256 aaaaaaaaaaaa)",
            "seeds 0 to 19",
        ),
    ):
        assert words in scores, words
    assert re.search(
        r"2\s+raw\s+20\s+small.keras\s+9.000", scores
    )  # the one from training is among all evaluations


def test_the_table_of_evaluations_names_the_weights_of_each(tmp_path):
    records = [evaluation(weights=weights, fid=fid) for weights, fid in (("ema", 8.0), ("raw", 9.0))]
    scores = Page(write_report(make_run(tmp_path / "run", evaluations=records))).sections["Scores"]
    assert re.search(r"6\s+ema\s+20\s+small.keras\s+8.000", scores)
    assert re.search(r"6\s+raw\s+20\s+small.keras\s+9.000", scores)


def test_the_page_says_how_to_get_what_a_young_run_does_not_have_yet(tmp_path):
    run = make_run(tmp_path / "young", steps=(2,))
    for path in [*run.iterdir()]:
        if path.is_file() and path.name != "config.yaml":
            path.unlink()
    (run / "grids" / "step_000002.png").unlink()
    page = Page(write_report(run))
    assert not page.images
    assert f"facegan evaluate {run}" in page.sections["Scores"]
    assert f"facegan evaluate {run}" in page.sections["Nearest neighbours"]
    assert "grids.every" in page.sections["Faces"] and "evaluation.every" in page.sections["Faces"]
    assert "no GIF yet" in page.sections["Over time"]
    assert "Losses over the whole run" not in page.text
    assert page.sections["Curves"].count("no curve yet") == 3
    assert "run.json is missing" in page.sections["Versions and machine"]


def test_a_gif_too_large_for_a_page_is_left_out_and_named(run, monkeypatch):
    monkeypatch.setattr(pictures, "GIF_LIMIT", 10)
    page = Page(write_report(run))
    assert "training.gif is too large" in page.sections["Over time"]


def test_names_and_settings_never_become_html(tmp_path):
    hostile = evaluation(psnr=1.0)
    hostile["reference"]["source"] = "<script>alert(1)</script>"
    hostile["warnings"] = ["<img src=x onerror=alert(2)>"]
    run = make_run(tmp_path / "<b>bold", evaluations=[hostile], data={"cache": "</pre><script>alert(3)"})
    page = Page(write_report(run))  # Page fails at src=x and onerror
    assert page.source.count("<script>") == 1
    assert "<script>alert(1)</script>" in page.text and "<b>bold" in page.text


def test_a_later_report_replaces_the_first_and_may_go_elsewhere(run, tmp_path, capsys):
    assert main(["report", str(run)]) == 0
    first = (run / "report.html").read_bytes()
    (run / "training.gif").unlink()
    assert main(["report", str(run)]) == 0
    assert (run / "report.html").read_bytes() != first
    assert main(["report", str(run), "--out", str(tmp_path / "there" / "page.html")]) == 0
    assert str(tmp_path / "there" / "page.html") in capsys.readouterr().err
    assert not list(tmp_path.rglob("*partial*"))


def test_a_path_that_is_not_a_run_is_refused(tmp_path, capsys):
    assert main(["report", str(tmp_path)]) == 2
    assert f"{tmp_path}: is not a run directory" in capsys.readouterr().err
    with pytest.raises(InputError) as caught:
        write_report(tmp_path / "nowhere")
    assert (caught.value.name, caught.value.value) == (None, tmp_path / "nowhere")


def test_it_does_not_load_tensorflow(run):
    code = (
        "import sys; from facegan_tf.cli import main; "
        f"main(['report', {str(run)!r}]); sys.exit('tensorflow' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
