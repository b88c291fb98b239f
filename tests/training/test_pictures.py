"""What a run draws: grids and their PSNR, the faces of chosen epochs, the GIF."""

import numpy as np
import pytest
from PIL import Image

from facegan_tf import train
from facegan_tf.common.images import to_uint8
from facegan_tf.evaluation.psnr import nearest_psnr, psnr_among
from facegan_tf.run.restore import restore_run
from tests.helpers.configs import tiny_dcgan
from tests.helpers.runs import json_lines, record


@pytest.fixture(scope="module")
def config(store_folder):
    # 24 images, 8 a step: an epoch is 3 steps, and the third ends between two grids.
    return tiny_dcgan(
        store_folder,
        training={"steps": None, "epochs": 3, "batch_size": 8},
        grids={"every": 2, "side": 5, "epochs": [1, 3]},
    )


@pytest.fixture(scope="module")
def run(config, tmp_path_factory):
    return train(config, tmp_path_factory.mktemp("runs") / "run")


def faces_of(picture_path, side=5, size=32):
    """Cut a grid into uint8 [side * side, size, size, 3]."""
    with Image.open(picture_path) as picture:
        cells = np.asarray(picture).reshape(side, size, side, size, 3)
    return cells.transpose(0, 2, 1, 3, 4).reshape(-1, size, size, 3)


def test_each_grid_has_the_psnr_of_its_first_sixteen_faces_against_the_pool(run, store_folder):
    pool = np.load(store_folder / "faces-00000-of-00001.npy")[:8]
    lines = json_lines(run / "psnr.jsonl")
    assert [line["step"] for line in lines] == [2, 4, 6, 8, 9]
    for line in lines:
        expected = nearest_psnr(faces_of(run / "grids" / f"step_{line['step']:06d}.png")[:16], pool)
        assert line["faces"] == expected.tolist()
        assert line["mean"] == pytest.approx(expected.mean())
    assert record(run)["psnr"] == {"pool": 8, "among_reals": pytest.approx(psnr_among(pool, 16).mean())}
    assert (run / "psnr.png").read_bytes().startswith(b"\x89PNG")


def test_the_pool_holds_only_images_that_the_run_learns_from(config, tmp_path):
    data = config.data.model_copy(update={"limit": 8})
    grids = config.grids.model_copy(update={"psnr_pool": 20})
    run = train(config.model_copy(update={"data": data, "grids": grids}), tmp_path / "run")
    assert record(run)["psnr"]["pool"] == 8


def test_the_faces_of_named_epochs_are_kept_as_a_picture_and_as_arrays(run):
    names = ["epoch_001.npz", "epoch_001.png", "epoch_003.npz", "epoch_003.png"]
    assert sorted(path.name for path in (run / "epochs").iterdir()) == names
    for number in (1, 3):
        with np.load(run / "epochs" / f"epoch_{number:03d}.npz") as kept:
            faces, latents = kept["faces"], kept["latents"]
        np.testing.assert_array_equal(faces, faces_of(run / "epochs" / f"epoch_{number:03d}.png"))
        assert latents.shape == (25, 4)
    gan, _ = restore_run(run)
    np.testing.assert_array_equal(to_uint8(gan.sampler(latents)).numpy(), faces)
    # The run ends with the third epoch, so its last grid shows the same faces.
    last = run / "grids" / "step_000009.png"
    np.testing.assert_array_equal(faces, faces_of(last))


@pytest.mark.slow
def test_the_faces_of_every_epoch_can_be_kept(config, tmp_path):
    grids = config.grids.model_copy(update={"epochs": "each"})
    run = train(config.model_copy(update={"grids": grids}), tmp_path / "run")
    assert len(list((run / "epochs").glob("*.png"))) == 3
    assert len(list((run / "epochs").glob("*.npz"))) == 3


def test_the_gif_shows_the_grids_in_order(run):
    with Image.open(run / "training.gif") as gif:
        assert gif.n_frames == 5
        gif.seek(4)
        last = np.asarray(gif.convert("RGB")).astype(int)
    with Image.open(run / "grids" / "step_000009.png") as picture:
        drawn = np.asarray(picture).astype(int)
    assert np.abs(last - drawn).mean() < 12  # a GIF has 256 colours
