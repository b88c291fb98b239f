"""Calls of several steps: what was due at any of them is done once, after the call."""

import keras
import pytest

from facegan_tf import train
from facegan_tf.data.store import FaceStore
from facegan_tf.data.training_set import TrainingSet
from facegan_tf.model.build import build_gan
from facegan_tf.run.directory import RunDirectory, checkpoint_steps
from facegan_tf.training import callbacks
from facegan_tf.training.session import Session
from tests.helpers.configs import tiny_config
from tests.helpers.runs import json_lines, metrics, tensorboard_steps

LOSSES = {"d_loss": 0.5, "g_loss": 2.0}


@pytest.fixture(scope="module")
def session(store_folder, tmp_path_factory):
    """A run of 10 steps in 3 calls, which end after steps 4, 8 and 10."""
    config = tiny_config(
        store_folder,
        data={"cache": str(tmp_path_factory.mktemp("cache"))},
        training={"steps": 10, "log_every": 3, "checkpoint_every": 5, "keep_checkpoints": 9},
        grids={"every": 6, "side": 2, "psnr_pool": 8, "epochs": "each"},
        evaluation={"every": 7, "count": 8},
    )
    run = RunDirectory(tmp_path_factory.mktemp("runs") / "run")
    run.folder.mkdir()
    images = TrainingSet.of(config, FaceStore.open(store_folder))
    run.update_record(store={"folder": str(store_folder), "fingerprint": "f", "images": 24})
    session = Session(build_gan(config), run, images, None, ())
    calls = keras.callbacks.CallbackList(session._callbacks(session._context()), model=session.gan, steps=10)
    calls.on_train_begin()
    for after in (4, 8, 10):
        calls.on_train_batch_begin(session.gan.steps_done)
        session.gan.clock.step.assign(after)
        session.gan.recent_losses = [LOSSES | {"d_loss": after / 10}]
        calls.on_train_batch_end(after - 1, session.gan.recent_losses[-1])
    calls.on_train_end()
    return session


def test_losses_are_logged_once_for_each_call_in_which_they_were_due(session):
    lines = [line for line in metrics(session.run.folder) if "d_loss" in line]
    # Due after steps 3, 6 and 9, and at the end.
    assert [(line["step"], line["images"], line["d_loss"]) for line in lines] == [
        (4, 16, 0.4),
        (8, 32, 0.8),
        (10, 40, 1.0),
    ]


def test_grids_and_their_psnr_are_made_once_for_each_call_in_which_they_were_due(session):
    steps = [8, 10]  # due after step 6, and at the end
    assert [path.stem for path in session.run.grid_paths()] == [f"step_{step:06d}" for step in steps]
    assert [line["step"] for line in json_lines(session.run.psnr)] == steps


def test_checkpoints_are_saved_after_the_call_in_which_they_were_due(session):
    assert checkpoint_steps(session.run.checkpoints) == [8, 10]  # due after steps 5 and 10


def test_scores_are_computed_after_the_call_in_which_they_were_due(session):
    scored = [line["step"] for line in metrics(session.run.folder) if "scores/swd" in line]
    assert scored == [8, 10]  # due after step 7, and at the end


def test_an_epoch_that_ends_within_a_call_is_kept(session):
    # 24 images, 4 a step: the epoch ends after step 6.
    assert sorted(path.name for path in session.run.epochs.iterdir()) == ["epoch_001.npz", "epoch_001.png"]


def test_tensorboard_has_the_steps_at_which_the_calls_ended(session):
    steps = tensorboard_steps(session.run.folder)
    assert steps["d_loss"] == [4, 8, 10]
    assert steps["control_vectors"] == steps["psnr"] == steps["scores/swd"] == [8, 10]


@pytest.mark.slow
def test_curves_are_drawn_at_the_end_and_at_checkpoints_within_their_share_of_the_time(
    store_folder, tmp_path, monkeypatch
):
    def drawn(first, share):
        steps = []
        monkeypatch.setattr(callbacks, "FIRST_CURVES_SECONDS", first)
        monkeypatch.setattr(callbacks, "CURVES_SHARE", share)
        monkeypatch.setattr(
            callbacks, "save_curves", lambda path, lines, curves: steps.append(lines[-1]["step"])
        )
        config = tiny_config(store_folder, training={"steps": 7, "checkpoint_every": 3})
        train(config, tmp_path / f"{first}-{share}")
        return steps

    assert drawn(first=0.0, share=1e9) == [3, 6, 7]
    assert drawn(first=0.0, share=1e-9) == [3, 7]
    assert drawn(first=1e9, share=1e9) == [7]
