import json

import pytest

from facegan_tf.common.errors import InputError
from facegan_tf.run.directory import RunDirectory
from facegan_tf.run.logs import METRICS, keep_lines, loss_names, losses_of, read_log
from facegan_tf.run.records import EvaluationFiles
from tests.helpers.fake_run import evaluation

LINES = [{"step": step, "images": 4 * step} for step in range(1, 5)]


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in LINES))
    return path


def test_lines_come_in_order_and_a_missing_log_has_none(log, tmp_path):
    assert read_log(log, METRICS) == LINES
    assert read_log(tmp_path / "none.jsonl", METRICS) == []


def test_a_last_line_that_was_cut_off_is_skipped(log):
    log.write_bytes(log.read_bytes()[:-5])
    assert read_log(log, METRICS) == LINES[:-1]


@pytest.mark.parametrize(
    "line",
    [
        "edited",
        "[1]",
        "{}",
        '{"step": "2", "images": 8}',
        '{"step": 2, "images": 8, "training": 3}',
        "\xff\xfe",
    ],
)
def test_any_other_damaged_line_is_named(log, line):
    lines = log.read_bytes().splitlines()
    lines[1] = line.encode("latin-1")
    log.write_bytes(b"\n".join(lines))
    with pytest.raises(InputError) as caught:
        read_log(log, METRICS)
    assert (caught.value.name, caught.value.value) == (None, log)
    assert "line 2" in caught.value.problem


def test_the_message_names_the_file_the_line_and_the_way_out(log):
    log.write_text("[1]\n" + log.read_text())
    with pytest.raises(InputError) as caught:
        read_log(log, METRICS)
    assert str(caught.value) == (
        f"{log}: line 1 must be an object with step, images: [1]; the file was edited or damaged: fix or "
        "remove that line"
    )


@pytest.mark.parametrize("part", sorted(evaluation()))
def test_an_evaluation_without_one_of_its_parts_is_named(tmp_path, part):
    record = evaluation()
    del record[part]
    EvaluationFiles(tmp_path).add(record)
    with pytest.raises(InputError, match=f"line 1 must be an object with .*{part}"):
        RunDirectory(tmp_path).read_evaluations()


def test_losses_are_whatever_has_no_slash():
    line = {"step": 2, "images": 8, "d_loss": -0.1, "r1_penalty": 3.0, "scores/fid": 40.0}
    assert losses_of(line) == {"d_loss": -0.1, "r1_penalty": 3.0}
    assert losses_of({"step": 2, "images": 8, "scores/fid": 40.0}) == {}


def test_only_the_wanted_lines_are_kept(log, capsys):
    keep_lines(log, METRICS, lambda line: line["step"] < 3, expected=True)
    assert read_log(log, METRICS) == LINES[:2]
    assert not capsys.readouterr().err


def test_a_warning_says_that_an_expected_log_is_missing(tmp_path, capsys):
    keep_lines(tmp_path / "metrics.jsonl", METRICS, lambda line: True, expected=True)
    assert "metrics.jsonl is missing" in capsys.readouterr().err
    keep_lines(tmp_path / "psnr.jsonl", METRICS, lambda line: True, expected=False)
    assert not capsys.readouterr().err


def test_steps_images_and_scores_are_not_losses():
    lines = [{"step": 1, "images": 4, "g_loss": 1.0}, {"step": 2, "images": 8, "scores/fid": 3.0, "r1": 0.5}]
    assert loss_names(lines) == ["g_loss", "r1"]
