"""What `facegan sample` and `facegan interpolate` accept and write."""

import numpy as np
import pytest
from PIL import Image

from facegan_tf.common.errors import InputError
from facegan_tf.model.build import build_gan
from facegan_tf.serving import sampling
from facegan_tf.serving.export import export_savedmodel
from facegan_tf.serving.generator import load_generator
from facegan_tf.serving.sampling import write_interpolation, write_samples
from tests.helpers.configs import tiny_config


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    out = tmp_path_factory.mktemp("exports") / "export"
    export_savedmodel(build_gan(tiny_config()).generator, out)
    return out


def test_samples_are_the_faces_of_their_seeds(model, tmp_path):
    write_samples(model, tmp_path / "s", 20, 5, truncation=0.5)
    names = [f"face_{seed:06d}.png" for seed in range(5, 25)]
    assert sorted(path.name for path in (tmp_path / "s").iterdir()) == [*names, "grid.png"]
    written = [np.asarray(Image.open(tmp_path / "s" / name)) for name in names]
    np.testing.assert_array_equal(written, load_generator(model).sample(range(5, 25), 0.5))


def test_the_grid_stops_at_its_limit(model, tmp_path, monkeypatch):
    monkeypatch.setattr(sampling, "MAX_IN_GRID", 4)
    write_samples(model, tmp_path / "s", 20, 0)
    with Image.open(tmp_path / "s" / "grid.png") as grid:
        assert grid.size == (64, 64)


def test_an_interpolation_passes_through_the_faces(model, tmp_path):
    write_interpolation(model, tmp_path / "way.gif", [1, 2, 3], 4)
    faces = load_generator(model).sample([1, 2, 3]).astype(float)
    with Image.open(tmp_path / "way.gif") as gif:
        assert (gif.n_frames, gif.size) == (12, (32, 32))
        for number in range(3):
            gif.seek(4 * number)
            frame = np.asarray(gif.convert("RGB"), float)
            errors = [np.abs(frame - other).mean() for other in faces]
            assert np.argmin(errors) == number, "a GIF has 256 colours, so frames are near, not equal"


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        *[("count", {"count": count}) for count in (0, -3)],
        *[("seed", {"seed": seed}) for seed in (-1, 2**63, 2**63 - 1)],
        *[("truncation", {"truncation": truncation}) for truncation in (0, -0.5, 1.01, np.nan, np.inf)],
    ],
)
def test_a_number_out_of_range_is_refused_and_nothing_is_written(model, tmp_path, name, wrong):
    with pytest.raises(InputError) as caught:
        write_samples(model, tmp_path / "out", **({"count": 2, "seed": 0} | wrong))
    assert (caught.value.name, caught.value.value) == (name, pytest.approx(wrong[name], nan_ok=True))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "seeds",
    [(), (1,), (1, -2), (1, 2**63), (1, 1), (1, 2, 2, 3), (1, 2, 1), (1, 2, 3, 1), (5, 5, 5)],
)
def test_seeds_without_motion_or_out_of_range_are_refused(model, tmp_path, seeds):
    with pytest.raises(InputError) as caught:
        write_interpolation(model, tmp_path / "way.gif", seeds, 4)
    assert (caught.value.name, caught.value.value) == ("seeds", ",".join(map(str, seeds)))
    assert not list(tmp_path.iterdir())


def test_equal_neighbours_are_named_with_the_way_out(tmp_path):
    for seeds, words in [((4, 7, 7), "7 twice in a row"), ((7, 4, 7), "returns anyway; leave the last")]:
        with pytest.raises(InputError, match=words):
            write_interpolation("unread", tmp_path / "way.gif", seeds, 4)


def test_a_seed_may_come_again_later_on_the_way(model, tmp_path):
    write_interpolation(model, tmp_path / "way.gif", [1, 2, 1, 3], 2)
    with Image.open(tmp_path / "way.gif") as gif:
        assert gif.n_frames == 8


@pytest.mark.parametrize("frames", [-1, 0, 1, 1001])
def test_too_few_or_too_many_frames_are_refused(model, tmp_path, frames):
    with pytest.raises(InputError) as caught:
        write_interpolation(model, tmp_path / "way.gif", [1, 2], frames)
    assert (caught.value.name, caught.value.value) == ("frames", frames)


def test_a_place_that_cannot_be_written_is_refused_before_anything_is_loaded(tmp_path):
    (tmp_path / "file").touch()
    for out in (tmp_path / "file" / "x.gif", tmp_path / "x.png"):
        with pytest.raises(InputError) as caught:
            write_interpolation("unread", out, [1, 2], 4)
        assert str(out) in str(caught.value)
    for out in (tmp_path, tmp_path / "file" / "x"):
        with pytest.raises(InputError) as caught:
            write_samples("unread", out, 1, 0)
        assert str(out) in str(caught.value)


def test_faces_that_are_all_the_same_are_written_with_a_warning(tmp_path, capsys):
    gan = build_gan(tiny_config())
    for variable in gan.generator.weights:
        variable.assign(0 * variable)
    export_savedmodel(gan.generator, tmp_path / "flat")
    write_samples(tmp_path / "flat", tmp_path / "s", 3, 0)
    assert "warning: " in capsys.readouterr().err
    write_interpolation(tmp_path / "flat", tmp_path / "way.gif", [1, 2], 2)
    assert "warning: " in capsys.readouterr().err
    write_samples(tmp_path / "flat", tmp_path / "one", 1, 0)
    assert "warning: " not in capsys.readouterr().err


def test_different_faces_bring_no_warning(model, tmp_path, capsys):
    write_samples(model, tmp_path / "s", 2, 0)
    write_interpolation(model, tmp_path / "way.gif", [1, 2], 2)
    assert "warning: " not in capsys.readouterr().err
