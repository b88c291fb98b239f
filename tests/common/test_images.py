import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from facegan_tf.common import images


@pytest.mark.parametrize(
    ("value", "pixel"), [(-1, 0), (1, 255), (0, 128), (-1.5, 0), (7, 255), (-1 + 2 / 255, 1), (0.5, 191)]
)
def test_pixels_are_rounded_and_clipped(value, pixel):
    assert images.to_uint8(tf.fill([1, 1, 1, 3], float(value))).numpy().tolist() == [[[[pixel] * 3]]]


def test_every_pixel_value_survives_the_way_to_minus_one_to_one_and_back():
    pixels = tf.range(256)
    there = tf.cast(pixels, tf.float32) / 127.5 - 1
    np.testing.assert_array_equal(images.to_uint8(there), pixels)


def test_a_grid_fills_rows_first_and_leaves_the_rest_black():
    faces = np.arange(1, 6, dtype=np.uint8)[:, None, None, None] * np.ones((1, 2, 2, 3), np.uint8)
    picture = images.grid(faces, columns=3)
    assert picture.shape == (4, 6, 3)
    assert picture[::2, ::2, 0].tolist() == [[1, 2, 3], [4, 5, 0]]


def test_a_gif_has_all_frames_in_order_and_loops(tmp_path):
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255)]
    images.save_gif(tmp_path / "a.gif", (Image.new("RGB", (8, 8), c) for c in colours), frame_ms=100)
    with Image.open(tmp_path / "a.gif") as gif:
        assert (gif.n_frames, gif.info["loop"], gif.info["duration"]) == (3, 0, 100)
        for frame, colour in enumerate(colours):
            gif.seek(frame)
            assert gif.convert("RGB").getpixel((4, 4)) == colour
    assert [p.name for p in tmp_path.iterdir()] == ["a.gif"]


def test_a_gif_that_fails_half_way_leaves_nothing(tmp_path):
    def frames():
        yield Image.new("RGB", (8, 8))
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        images.save_gif(tmp_path / "a.gif", frames(), frame_ms=100)
    assert not list(tmp_path.iterdir())
