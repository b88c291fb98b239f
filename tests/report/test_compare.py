import re

import pytest

from facegan_tf.cli import main
from facegan_tf.common.errors import InputError
from facegan_tf.report.compare import write_comparison
from tests.helpers.fake_run import evaluation, make_run
from tests.helpers.pages import Page, shade


def best(page):
    """The scores that are marked as the best, by metric."""
    rows = re.findall(r'<tr><th scope="row">(\w+)</th>(.*?)</tr>', page.source, re.DOTALL)
    return {name: re.findall(r'class="number best">([^ ]+)', cells) for name, cells in rows}


def compare(tmp_path, *evaluations):
    runs = [
        make_run(tmp_path / f"run{number}", evaluations=[record] if record else [])
        for number, record in enumerate(evaluations)
    ]
    return Page(write_comparison(runs, tmp_path / "compare.html"))


def test_the_better_score_is_marked_whichever_way_is_better(tmp_path):
    page = compare(tmp_path, evaluation(precision=0.2), evaluation(fid=2.0, precision=0.1))
    marked = best(page)
    assert (marked["fid"], marked["precision"]) == (["2.000"], ["0.2000"])
    assert marked["kid"] == []  # both are equal
    assert marked["ms_ssim"] == []  # neither lower nor higher is better


def naively_resized():
    record = evaluation(fid=2.0)
    record["features"]["resize"] = "bilinear"
    return record


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (evaluation(count=30, fid=2.0), "images of each side: 20 | 30"),
        (evaluation(network="c" * 64, fid=2.0), "feature network (SHA-256): aaaaaaaaaaaa | cccccccccccc"),
        (evaluation(fingerprint="e" * 64, fid=2.0), "reference (fingerprint): ffffffffffff | eeeeeeeeeeee"),
        (naively_resized(), "resizing for the network: bicubic | bilinear"),
    ],
)
def test_scores_measured_in_different_ways_are_listed_and_none_is_marked(tmp_path, other, words):
    page = compare(tmp_path, evaluation(), other)
    assert "can't be compared" in page.sections["Scores"]
    assert words in page.sections["Scores"]
    assert not any(best(page).values())
    assert "3.000" in page.text and "2.000" in page.text


def test_a_run_without_scores_is_named_and_the_others_are_compared(tmp_path):
    page = compare(tmp_path, evaluation(), None, evaluation(fid=2.0))
    assert page.sections["Scores"].count("no scores yet") == 1
    assert "run1 has no scores yet" in page.sections["Scores"]
    assert best(page)["fid"] == ["2.000"]


def test_scores_of_the_evaluate_command_take_precedence_over_those_of_the_training(tmp_path):
    run = make_run(tmp_path / "one", evaluations=[evaluation(fid=7.0), evaluation(fid=1.0, training=True)])
    other = make_run(tmp_path / "two", evaluations=[evaluation(fid=5.0, training=True)])
    page = Page(write_comparison([run, other], tmp_path / "compare.html"))
    assert best(page)["fid"] == ["5.000"] and "7.000" in page.text
    assert "Score while training: fid, for all runs, against the reals seen" in page.images


def test_grids_and_settings_that_differ_are_side_by_side(tmp_path):
    one = make_run(tmp_path / "one", best=4)
    two = make_run(tmp_path / "two", steps=(8,), training={"batch_size": 8})
    page = Page(write_comparison([one, two], tmp_path / "compare.html"))
    assert shade(page.images["Last grid of one"]) == 6 and shade(page.images["Last grid of two"]) == 8
    assert shade(page.images["Best grid of one"]) == 4 and "Best grid of two" not in page.images
    settings = page.sections["Settings that differ"].split()
    assert settings[-3:] == ["training.batch_size", "4", "8"]


def test_a_schedule_stands_beside_the_number_that_another_run_has(tmp_path):
    schedule = {"from": 1.0, "to": 0.5, "by": "linear", "images": 40}
    runs = [
        make_run(tmp_path / "one", objective={"r1": 0.25}),
        make_run(tmp_path / "two", objective={"r1": schedule}),
    ]
    page = Page(write_comparison(runs, tmp_path / "compare.html"))
    settings = " ".join(page.sections["Settings that differ"].split())
    assert settings.endswith("objective.r1 0.25 {from: 1.0, to: 0.5, by: linear, images: 40}")


def test_runs_with_the_same_name_are_named_by_their_paths(tmp_path):
    (tmp_path / "a").mkdir()
    runs = [make_run(tmp_path / "same"), make_run(tmp_path / "a" / "same")]
    page = Page(write_comparison(runs, tmp_path / "compare.html"))
    assert f"Last grid of {runs[1]}" in page.images


def test_every_logged_loss_has_a_figure_with_its_label_and_unit(tmp_path):
    one = make_run(tmp_path / "one")
    two = make_run(tmp_path / "two", losses=lambda step: {"d_loss": 0.5, "g_loss": 1.0, "drift": 0.1 * step})
    page = Page(write_comparison([one, two], tmp_path / "compare.html"))
    assert [title.partition(", for all runs")[0] for title in page.images if "Loss" in title] == [
        "Loss: discriminator (binary cross-entropy)",
        "Loss: generator (binary cross-entropy)",
        "Loss: R1 penalty (squared gradient)",
        "Loss: drift",
    ]


def test_wrong_use_is_refused(tmp_path):
    one, two = make_run(tmp_path / "one"), make_run(tmp_path / "two")
    out = tmp_path / "compare.html"
    for runs, name, value in [
        ([one], "runs", 1),
        ([one, tmp_path], None, tmp_path),
        ([one, two, tmp_path / "two" / ".." / "one"], "runs", tmp_path / "two" / ".." / "one"),
    ]:
        with pytest.raises(InputError) as caught:
            write_comparison(runs, out)
        assert (caught.value.name, caught.value.value) == (name, value)
        assert not out.exists()


def test_by_command_line_a_page_is_written_once(tmp_path, capsys):
    runs = [str(make_run(tmp_path / name)) for name in ("one", "two")]
    out = tmp_path / "compare.html"
    assert main(["compare", *runs, "--out", str(out)]) == 0
    written = out.read_bytes()
    assert main(["compare", *runs, "--out", str(out)]) == 2
    assert str(out) in capsys.readouterr().err
    assert main(["compare", runs[0], "--out", str(tmp_path / "other.html")]) == 2
    assert out.read_bytes() == written and not (tmp_path / "other.html").exists()


def test_a_run_with_a_damaged_config_is_named_with_the_line(tmp_path):
    runs = [make_run(tmp_path / name) for name in ("one", "two")]
    config = runs[1] / "config.yaml"
    lines = config.read_text().splitlines()
    config.write_text("\n".join([*lines, "name: [again"]))
    with pytest.raises(InputError) as caught:
        write_comparison(runs, tmp_path / "compare.html")
    assert f"{config}: line {len(lines) + 1}" in str(caught.value)
