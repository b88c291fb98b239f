"""What a training leaves in its run directory, how long it is, and what it calls and prints."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from facegan_tf import train
from facegan_tf.common import draws
from facegan_tf.common.images import grid, to_uint8
from facegan_tf.config.load import load_config
from facegan_tf.config.settings import TrainingSettings
from facegan_tf.model.gan import GAN
from facegan_tf.run.checkpoints import Checkpoints
from facegan_tf.run.directory import checkpoint_steps
from facegan_tf.run.restore import restore_run
from facegan_tf.training.train import set_graph_options
from tests.helpers.configs import tiny_config, tiny_dcgan
from tests.helpers.runs import metrics, record, tensorboard_steps


class Recorder(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.calls, self.d_losses = [], []

    def on_epoch_begin(self, epoch, logs=None):
        self.calls.append(f"epoch {epoch} begins")

    def on_epoch_end(self, epoch, logs=None):
        self.calls.append(f"epoch {epoch} ends")

    def on_train_batch_end(self, batch, logs=None):
        assert set(logs) == {"d_loss", "g_loss"}
        self.d_losses.append(logs["d_loss"])
        self.calls.append(batch)


@pytest.fixture(scope="module")
def config(store_folder):
    return tiny_config(store_folder)


@pytest.fixture(scope="module")
def run(config, tmp_path_factory):
    """Six steps without interruption."""
    return train(config, tmp_path_factory.mktemp("runs") / "straight")


def test_a_run_leaves_all_its_files_and_facts(run, config):
    files = ["config.yaml", "run.json", "metrics.jsonl", "curves.png", "psnr.jsonl", "psnr.png"]
    for name in (*files, "training.gif", "reals.png"):
        assert (run / name).stat().st_size > 0, name
    assert [p.name for p in sorted((run / "grids").iterdir())] == [
        f"step_{step:06d}.png" for step in (2, 4, 6)
    ]
    assert checkpoint_steps(run / "checkpoints") == [3, 6]
    assert list((run / "tensorboard").glob("events.*"))
    assert not list(run.rglob("*partial*"))
    assert load_config(run) == config
    assert record(run)["status"] == "finished"
    assert record(run)["step"] == 6
    assert record(run)["curves"] == {
        "d_loss": {"label": "discriminator", "unit": "binary cross-entropy"},
        "g_loss": {"label": "generator", "unit": "binary cross-entropy"},
    }
    assert {"tensorflow", "keras", "numpy", "pillow", "python"} <= set(record(run)["versions"])


@pytest.mark.parametrize(
    ("objective", "rewrites"), [({}, True), ({"r1": 0.5}, False), ({"loss": "hinge"}, False)]
)
def test_sums_are_rewritten_only_for_the_recipes_loss(objective, rewrites):
    # A rewritten sum's order depends on the graph; the recipes' bits have always come from rewritten sums.
    set_graph_options(tiny_config(objective=objective))
    options = tf.config.optimizer.get_experimental_options()
    assert (options["remapping"], options["arithmetic_optimization"]) == (False, rewrites)


def test_a_training_sets_the_options_of_the_graph_for_its_config(config, tmp_path, monkeypatch):
    seen = []

    def noted(given):
        seen.append(given)
        raise RuntimeError("far enough")

    monkeypatch.setattr("facegan_tf.training.train.set_graph_options", noted)
    with pytest.raises(RuntimeError, match="far enough"):
        train(config, tmp_path / "run")
    assert [each.objective for each in seen] == [config.objective]


def test_metrics_have_a_line_for_each_log_interval(run):
    assert [line["step"] for line in metrics(run)] == [1, 2, 3, 4, 5, 6]
    assert [line["images"] for line in metrics(run)] == [4, 8, 12, 16, 20, 24]
    assert all(np.isfinite(line["d_loss"]) and line["d_loss"] > 0 for line in metrics(run))
    assert len({line["g_loss"] for line in metrics(run)}) == 6


def test_the_last_grid_shows_what_the_saved_sampler_draws_from_the_control_vectors(run, config):
    gan, _ = restore_run(run)
    latents = 0.5 * draws.normal(config.seed, 0, draws.Stream.CONTROL_VECTORS, (4, 4))
    expected = grid(to_uint8(gan.sampler(latents)).numpy(), 2)
    with Image.open(run / "grids" / "step_000006.png") as drawn:
        np.testing.assert_array_equal(np.asarray(drawn), expected)


def test_reals_png_shows_images_of_the_store(run, store_folder):
    with Image.open(run / "reals.png") as picture:
        shown = np.asarray(picture).reshape(2, 32, 2, 32, 3).transpose(0, 2, 1, 3, 4).reshape(4, 32, 32, 3)
    stored = np.load(store_folder / "faces-00000-of-00001.npy")
    for image in shown:
        assert (image == stored).all(axis=(1, 2, 3)).sum() == 1


def test_tensorboard_has_scalars_and_grids(run):
    assert tensorboard_steps(run) == {
        "d_loss": [1, 2, 3, 4, 5, 6],
        "g_loss": [1, 2, 3, 4, 5, 6],
        "images_per_second": [1, 2, 3, 4, 5, 6],
        "control_vectors": [2, 4, 6],
        "psnr": [2, 4, 6],
    }


def test_the_callers_callbacks_get_epochs_as_the_images_are_used_up(config, tmp_path):
    recorder = Recorder()
    small = tiny_config(config.data.source, data={"limit": 10})
    train(small, tmp_path / "run", callbacks=[recorder])
    # 4 images a step, 10 an epoch: image 10 is in step 2 (counted from 0), and step 4 ends with image 20.
    assert recorder.calls == [
        *("epoch 0 begins", 0, 1, 2, "epoch 0 ends"),
        *("epoch 1 begins", 3, 4, "epoch 1 ends"),
        *("epoch 2 begins", 5),
    ]


def test_losses_are_summarised_over_every_step_and_printed(config, tmp_path, capsys):
    sparse = tiny_config(config.data.source, training={"log_every": 3, "steps": 5})
    recorder = Recorder()
    run = train(sparse, tmp_path / "run", callbacks=[recorder])
    losses = recorder.d_losses
    assert len(losses) == 5
    summary = record(run)["losses"]["d_loss"]
    assert summary["mean"] == pytest.approx(np.mean(losses))
    assert summary["minimum"] == min(losses)
    assert summary["minimum_step"] == 1 + int(np.argmin(losses))
    [printed] = [line for line in capsys.readouterr().err.splitlines() if line.startswith("d_loss")]
    assert f"{np.mean(losses):.4f}" in printed and f"{min(losses):.4f}" in printed


@pytest.mark.slow
def test_the_scaled_range_of_the_reals_is_printed(config, tmp_path, capsys, store_folder):
    run = train(tiny_config(config.data.source, training={"steps": 1, "batch_size": 24}), tmp_path / "run")
    pixels = np.load(store_folder / "faces-00000-of-00001.npy")
    low, high = pixels.min() / 127.5 - 1, pixels.max() / 127.5 - 1
    [printed] = [line for line in capsys.readouterr().err.splitlines() if str(run / "reals.png") in line]
    assert f"{low:.5f} ... {high:.5f}" in printed


@pytest.mark.parametrize(
    ("length", "steps"),
    [({"epochs": 2}, 6), ({"epochs": 0.5}, 2), ({"images": 41}, 6), ({"images": 40}, 5), ({"steps": 4}, 4)],
)
def test_a_run_is_as_long_as_its_steps_epochs_or_images(length, steps):
    training = {"steps": None, "batch_size": 8} | length
    assert tiny_config(training=training).training.total_steps(24) == steps


@pytest.mark.slow
def test_the_length_of_a_run_is_computed_before_its_first_step_and_not_again(
    store_folder, tmp_path, monkeypatch
):
    class Forbid(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            monkeypatch.setattr(TrainingSettings, "total_steps", lambda *_: pytest.fail("computed again"))

    config = tiny_config(  # nothing is due at each step, so each callback has to compare with the end
        store_folder,
        training={"steps": 6, "log_every": 4, "checkpoint_every": 4},
        grids={"every": 4, "side": 2},
        evaluation={"every": 4, "count": 8},
    )
    run = train(config, tmp_path / "run", callbacks=[Forbid()])
    assert record(run)["step"] == 6


def test_an_epoch_covers_only_the_images_within_the_limit(store_folder, tmp_path):
    training = {"steps": None, "epochs": 2, "batch_size": 4}
    run = train(tiny_config(store_folder, data={"limit": 8}, training=training), tmp_path / "run")
    assert metrics(run)[-1]["step"] == 4


@pytest.mark.parametrize("reuse_latents", [False, True])
def test_both_nets_learn_from_the_same_latents_only_if_they_are_reused(
    store_folder, tmp_path, monkeypatch, reuse_latents
):
    same = []
    step = GAN.train_on_batch

    def watched(gan, reals, latents_d, latents_g, *others):
        same.append(bool((latents_d == latents_g).numpy().all()))
        return step(gan, reals, latents_d, latents_g, *others)

    monkeypatch.setattr(GAN, "train_on_batch", watched)
    config = tiny_dcgan(store_folder, training={"steps": 3, "steps_per_call": 1})
    objective = config.objective.model_copy(update={"reuse_latents": reuse_latents})
    train(config.model_copy(update={"objective": objective}), tmp_path / "run")
    assert same == [reuse_latents] * 3


def test_each_state_is_saved_once(store_folder, tmp_path, monkeypatch):
    seen = []
    save = Checkpoints.save

    def watched(checkpoints, *arguments, **notes):
        seen.append(checkpoints.gan.steps_done)
        save(checkpoints, *arguments, **notes)

    monkeypatch.setattr(Checkpoints, "save", watched)
    train(tiny_config(store_folder, training={"steps": 5, "checkpoint_every": 3}), tmp_path / "run")
    assert seen == [3, 5]


def test_only_the_newest_checkpoints_are_kept(config, tmp_path):
    some = tiny_config(config.data.source, training={"checkpoint_every": 1, "keep_checkpoints": 2})
    assert checkpoint_steps(train(some, tmp_path / "run") / "checkpoints") == [5, 6]


@pytest.mark.slow
def test_a_source_is_prepared_into_the_cache_only_once(tmp_path):
    config = tiny_config("synthetic:8", data={"cache": str(tmp_path / "cache")}, training={"steps": 1})
    train(config, tmp_path / "one")
    [store] = (tmp_path / "cache").iterdir()
    made = (store / "manifest.json").stat().st_mtime_ns
    train(config, tmp_path / "two")
    assert [store] == list((tmp_path / "cache").iterdir())
    assert (store / "manifest.json").stat().st_mtime_ns == made
