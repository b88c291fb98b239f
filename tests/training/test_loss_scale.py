"""Runs in float16: steps whose gradients overflow are skipped, and the loss scale belongs to the state."""

import keras
import numpy as np
import pytest

from facegan_tf import train
from facegan_tf.common.errors import FaceganError
from facegan_tf.model.state import state_variables
from facegan_tf.run.restore import restore_run
from tests.helpers.configs import modern_config
from tests.helpers.interruptions import Crash, Poison
from tests.helpers.runs import metrics, record

pytestmark = pytest.mark.slow

TOO_LARGE = 2.0**17
"""A loss scale with which the gradients of the first step overflow float16, but not those of a few later."""


def config_of(store_folder, **training):
    settings = {"steps": 10, "log_every": 1, "checkpoint_every": 3, "steps_per_call": 1}
    return modern_config(
        store_folder, training={**settings, "precision": "float16", **training}, grids={"every": 10}
    )


class LargeScale(keras.callbacks.Callback):
    """Begins a new run with a loss scale that is too large."""

    def on_train_begin(self, logs=None):
        if self.model.steps_done == 0:
            for model in (self.model.critic, self.model.combined):
                model.optimizer.dynamic_scale.assign(TOO_LARGE)


class Watch(keras.callbacks.Callback):
    """Keeps the discriminator's weights and loss scale after each step."""

    def __init__(self):
        super().__init__()
        self.weights, self.scales = [], []

    def on_train_batch_end(self, batch, logs=None):
        self.weights.append(np.concatenate([each.numpy().ravel() for each in self._learned()]))
        self.scales.append(float(self.model.critic.optimizer.dynamic_scale))

    def _learned(self):
        return self.model.discriminator.trainable_variables


@pytest.fixture(scope="module")
def straight(store_folder, tmp_path_factory):
    """A run whose first steps overflow, and what was watched."""
    watch = Watch()
    folder = tmp_path_factory.mktemp("runs") / "straight"
    return train(config_of(store_folder), folder, callbacks=[LargeScale(), watch]), watch


def scaling(run, checkpoint="last"):
    """The discriminator's loss scale, and the good steps since it changed, in a checkpoint."""
    optimizer = restore_run(run, checkpoint)[0].critic.optimizer
    return float(optimizer.dynamic_scale), int(optimizer.step_counter)


def test_steps_that_overflow_are_skipped_and_do_not_stop_the_run(straight):
    run, watch = straight
    assert record(run)["status"] == "finished"
    assert not (run / "nonfinite").exists()
    assert [line["step"] for line in metrics(run)] == list(range(1, 11))
    assert all(np.isfinite(value) for line in metrics(run) for value in line.values())
    skipped = sum(
        scale < before for before, scale in zip([TOO_LARGE, *watch.scales], watch.scales, strict=False)
    )
    assert 1 < skipped < 6
    assert watch.scales[-1] == TOO_LARGE / 2**skipped
    for before, after in zip(watch.weights[: skipped - 1], watch.weights[1:skipped], strict=True):
        np.testing.assert_array_equal(before, after)
    for before, after in zip(watch.weights[skipped - 1 :], watch.weights[skipped:], strict=False):
        assert (before != after).any()
    assert scaling(run) == (watch.scales[-1], 10 - skipped)


def check_same_state(run, other):
    ours, theirs = (state_variables(restore_run(folder)[0]) for folder in (run, other))
    for mine, their in zip(ours.values(), theirs.values(), strict=True):
        np.testing.assert_array_equal(mine, their)


@pytest.mark.parametrize(("crash_at", "steps_per_call"), [(4, 1), (8, 1), (8, 4)])
def test_a_crashed_run_resumes_with_its_loss_scale(
    straight, store_folder, tmp_path, crash_at, steps_per_call
):
    run, config = tmp_path / "run", config_of(store_folder, steps_per_call=steps_per_call)
    with pytest.raises(RuntimeError):
        train(config, run, callbacks=[LargeScale(), Crash(crash_at)])
    train(config, run, resume=True)
    check_same_state(run, straight[0])
    assert (run / "metrics.jsonl").read_bytes() == (straight[0] / "metrics.jsonl").read_bytes()


def test_a_loss_that_is_not_finite_stops_the_run(store_folder, tmp_path):
    with pytest.raises(FaceganError, match=r"between step 4 and step 5: .*d_loss is nan"):
        train(config_of(store_folder), tmp_path / "run", callbacks=[Poison(4)])
    assert record(tmp_path / "run")["status"] == "failed"


def test_a_rollback_restores_the_loss_scale(store_folder, tmp_path):
    config = config_of(store_folder, on_nonfinite="rollback", steps=6)
    run = train(config, tmp_path / "run", callbacks=[LargeScale(), Poison(4, times=1)])
    assert record(run)["status"] == "finished"
    # The bad step halved the scale and reset the counter; the checkpoint is from before.
    scale, counter = scaling(run, "3")
    assert scaling(run) == (scale, counter + 3)
