import numpy as np
from PIL import Image

from facegan_tf.data.store import FaceStore
from facegan_tf.evaluation import nearest, psnr


def test_a_copied_training_image_is_shown_first_on_the_right(store_folder, tmp_path):
    store = FaceStore.open(store_folder)
    faces = np.random.default_rng(5).integers(0, 256, (30, 32, 32, 3), dtype=np.uint8)
    faces[25] = store.gather(np.array([17]))[0]
    nearest.save_picture(tmp_path / "nearest.png", faces, psnr.nearest_reals(faces, store), store)
    with Image.open(tmp_path / "nearest.png") as picture:
        pixels = np.asarray(picture)
    copy = faces[25].repeat(2, axis=0).repeat(2, axis=1)
    right = pixels[18 : 18 + 64, -(4 * 64 + 8) :]  # its first row: the face, a gap, three reals
    np.testing.assert_array_equal(right[:, :64], copy)
    np.testing.assert_array_equal(right[:, 72:136], copy)
