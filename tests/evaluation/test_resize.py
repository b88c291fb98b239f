import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from facegan_tf.data.synthetic.faces import draw_face
from facegan_tf.evaluation.resize import resize


def faces(size):
    return np.stack([draw_face(0, index, size) for index in range(2)])


def by_the_definition(plane, size):
    """Antialiased bicubic (a = -0.5) of a float plane, weight by weight, in float64, clipped to 0..255."""

    def weights(old, new):
        scale = old / new
        reach = max(scale, 1.0)  # the filter widens with a reduction
        matrix = np.zeros((new, old))
        for place in range(new):
            x = np.abs((np.arange(old) + 0.5 - (place + 0.5) * scale) / reach)
            near = 1.5 * x**3 - 2.5 * x**2 + 1
            far = -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
            matrix[place] = np.where(x < 1, near, np.where(x < 2, far, 0))
        return matrix / matrix.sum(axis=1, keepdims=True)

    filter_rows = weights(plane.shape[0], size)
    return np.clip(filter_rows @ plane @ filter_rows.T, 0, 255)


@pytest.mark.parametrize(("size", "target"), [(64, 299), (64, 40), (299, 75)])
def test_it_is_antialiased_bicubic_without_rounding(size, target):
    images = faces(size)
    resized = resize(images, target)
    for image, result in zip(images, resized, strict=True):
        for channel in range(3):
            expected = by_the_definition(image[:, :, channel].astype(float), target)
            np.testing.assert_allclose(result[:, :, channel], expected, atol=1e-3)
    assert (resized != np.rint(resized)).any()


def test_overshoot_is_clipped_as_in_clean_fid():
    edge = np.zeros((1, 8, 8, 3), np.uint8)
    edge[:, :, 4:] = 255
    resized = resize(edge, 40)
    assert resized.min() == 0 and resized.max() == 255


def test_images_of_the_right_size_are_left_alone():
    np.testing.assert_array_equal(resize(faces(32), 32), faces(32))


def test_naive_resizing_is_far_off_for_smaller_sizes():
    # As in the paper: TensorFlow's own resizing skips pixels, which turns fine patterns into coarse ones.
    stripes = np.zeros((1, 64, 64, 3), np.uint8)
    stripes[:, :, ::2] = 255  # the finest pattern there is, which should average to grey
    naive = tf.image.resize(stripes.astype(np.float32), (21, 21), method="bilinear").numpy()
    assert resize(stripes, 21)[0, 2:-2, 2:-2].std() < 2
    assert naive[0, 2:-2, 2:-2].std() > 50


def test_naive_resizing_changes_faces_by_more_than_rounding():
    photos = faces(256)
    careful = resize(photos, 64)
    naive = tf.image.resize(photos.astype(np.float32), (64, 64), method="bilinear").numpy()
    rounded = np.stack(
        [np.asarray(Image.fromarray(photo).resize((64, 64), Image.Resampling.BICUBIC)) for photo in photos]
    )
    assert np.abs(careful - rounded).mean() < 0.5
    assert np.abs(careful - naive).mean() > 3 * np.abs(careful - rounded).mean()
