import json

import pytest

from facegan_tf.common.errors import InputError
from facegan_tf.run.logs import LOSSES, keep_lines, read_log

LINES = [{"step": step, "images": 4 * step} for step in range(1, 5)]


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in LINES))
    return path


def test_lines_come_in_order_and_a_missing_log_has_none(log, tmp_path):
    assert read_log(log, LOSSES) == LINES
    assert read_log(tmp_path / "none.jsonl", LOSSES) == []


def test_a_torn_last_line_is_passed_over(log):
    log.write_bytes(log.read_bytes()[:-5])
    assert read_log(log, LOSSES) == LINES[:-1]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("edited", "is not JSON"),
        ("[1]", "must be an object with step, images"),
        ("{}", "must be an object with step, images"),
        ('{"step": "2", "images": 8}', "must have a whole number as step"),
        ("\xff\xfe", "is not JSON"),
    ],
)
def test_another_line_that_is_none_of_ours_is_named(log, line, why):
    lines = log.read_bytes().splitlines()
    lines[1] = line.encode("latin-1")
    log.write_bytes(b"\n".join(lines))
    with pytest.raises(InputError, match=rf"metrics\.jsonl: line 2 {why}.*mend or remove that line"):
        read_log(log, LOSSES)


def test_only_what_is_to_stay_is_kept(log, capsys):
    keep_lines(log, LOSSES, lambda line: line["step"] < 3, expected=True)
    assert read_log(log, LOSSES) == LINES[:2]
    assert not capsys.readouterr().err


def test_a_log_that_should_be_there_is_missed(tmp_path, capsys):
    keep_lines(tmp_path / "metrics.jsonl", LOSSES, lambda line: True, expected=True)
    assert "metrics.jsonl is missing; it begins anew" in capsys.readouterr().err
    keep_lines(tmp_path / "psnr.jsonl", LOSSES, lambda line: True, expected=False)
    assert not capsys.readouterr().err
