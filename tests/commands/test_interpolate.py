import pytest
from PIL import Image

from tests.helpers.command_line import call


def test_it_writes_a_gif_of_all_frames(run, tmp_path, capsys):
    out = tmp_path / "way.gif"
    assert call(capsys, "interpolate", run, "--out", out, "--seeds", "1,2,3", "--frames", 4)[0] == 0
    with Image.open(out) as gif:
        assert (gif.n_frames, gif.size) == (12, (32, 32))


@pytest.mark.parametrize(
    ("arguments", "flag"),
    [
        (["--seeds", "1"], "--seeds 1"),
        (["--seeds", "1,x"], "--seeds 1,x"),
        (["--seeds", "1,-2"], "--seeds 1,-2"),
        (["--seeds", "1,2", "--frames", "0"], "--frames 0"),
    ],
)
def test_a_number_out_of_range_is_named_and_nothing_is_written(run, tmp_path, capsys, arguments, flag):
    code, _, err = call(capsys, "interpolate", run, "--out", tmp_path / "out", *arguments)
    assert code == 2
    assert flag in err
    assert not (tmp_path / "out").exists()
