import numpy as np
import pytest
from PIL import Image

from facegan_tf.common.errors import InputError
from facegan_tf.serving.sampling import write_samples
from tests.helpers.command_line import call


def test_it_writes_a_png_per_seed_and_a_grid(run, tmp_path, capsys):
    code, out, err = call(capsys, "sample", run, "--out", tmp_path / "s", "--count", 3, "--seed", 5)
    assert (code, out) == (0, "")
    names = ["face_000005.png", "face_000006.png", "face_000007.png", "grid.png"]
    assert sorted(p.name for p in (tmp_path / "s").iterdir()) == names
    grid = np.asarray(Image.open(tmp_path / "s" / "grid.png"))
    assert grid.shape == (64, 64, 3)
    for name, (row, column) in zip(names, [(0, 0), (0, 32), (32, 0)], strict=False):
        face = np.asarray(Image.open(tmp_path / "s" / name))
        np.testing.assert_array_equal(face, grid[row : row + 32, column : column + 32])
    code, _, err = call(capsys, "sample", run, "--out", tmp_path / "s", "--count", 3)
    assert code == 2
    assert (
        err == f"facegan sample: --out {tmp_path / 's'}: already exists; choose another path, or remove it\n"
    )


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("--count", "0"),
        ("--seed", "-1"),
        ("--seed", str(2**63)),
        ("--truncation", "0"),
        ("--truncation", "nan"),
    ],
)
def test_a_number_out_of_range_is_named_and_nothing_is_written(run, tmp_path, capsys, flag, value):
    code, _, err = call(capsys, "sample", run, "--out", tmp_path / "out", flag, value)
    assert code == 2
    assert f"{flag} {value}" in err
    assert not (tmp_path / "out").exists()


def test_python_names_parameters_where_the_command_names_flags(run, tmp_path):
    with pytest.raises(InputError) as caught:
        write_samples(run, tmp_path, count=1, seed=0)
    assert str(caught.value).startswith(f"out: {tmp_path}: ")
    assert "--" not in str(caught.value)
