"""Losses and weights that are NaN or infinite: the run stops, or goes back to a checkpoint."""

import json
import signal
import time

import keras
import numpy as np
import pytest

from facegan_tf import train
from facegan_tf.common import draws
from facegan_tf.common.errors import FaceganError
from facegan_tf.model.nonfinite import NonFiniteError
from facegan_tf.run.directory import checkpoint_steps
from facegan_tf.training.session import Session
from facegan_tf.training.signals import Interrupted
from tests.helpers.configs import tiny_config, tiny_dcgan
from tests.helpers.interruptions import Crash, Poison, StopAfter
from tests.helpers.runs import metrics, record, sha256

pytestmark = pytest.mark.slow


def config(store, on_nonfinite="rollback", **training):
    return tiny_config(
        store, training={"steps": 8, "checkpoint_every": 3, "on_nonfinite": on_nonfinite, **training}
    )


def steps(run):
    return [line["step"] for line in metrics(run)]


@pytest.fixture(scope="module")
def stopped(store_folder, tmp_path_factory):
    """A run that stopped because step 5 went bad, and its error."""
    run = tmp_path_factory.mktemp("runs") / "stopped"
    with pytest.raises(FaceganError) as caught:
        train(config(store_folder, "stop"), run, callbacks=[Poison(4)])
    return run, caught.value


def test_the_message_says_between_which_steps_which_losses_went_bad():
    error = NonFiniteError(4, 5, {"d_loss": np.nan, "g_loss": 0.5, "penalty": np.inf}, {"a/kernel": {}})
    assert str(error) == "training went bad between step 4 and step 5: d_loss is nan, penalty is inf"
    error = NonFiniteError(4, 5, {"d_loss": 0.5}, {"a/kernel": {}, "b/bias": {}})
    assert str(error).endswith("between step 4 and step 5: weights are not finite: a/kernel, b/bias")


def test_a_run_stops_with_its_last_finite_step_in_the_logs(stopped):
    run, error = stopped
    assert "between step 4 and step 5" in str(error)
    assert "training.on_nonfinite=rollback" in str(error)  # a way out
    assert checkpoint_steps(run / "checkpoints") == [3]
    assert record(run)["status"] == "failed"
    assert steps(run) == [1, 2, 3, 4]


def test_the_numbers_of_the_bad_step_are_saved(stopped):
    run, _ = stopped
    numbers = json.loads((run / "nonfinite" / "step_000005_rollback_0.json").read_text())
    assert numbers["losses_were_finite_in_step"] == 4
    assert numbers["step"] == 5
    assert numbers["losses"] == {"d_loss": "nan", "g_loss": "nan"}
    poisoned = [counts for counts in numbers["variables"].values() if counts["nan"] == counts["in_all"]]
    assert poisoned
    # 24 images, 4 a step: both steps are in the same epoch, so all their images differ.
    assert list(numbers["images"]) == ["4", "5"]
    seen = numbers["images"]["4"] + numbers["images"]["5"]
    assert len(set(seen)) == 8
    assert set(seen) <= set(range(24))


def test_the_images_named_are_those_of_the_step(store_folder, tmp_path, monkeypatch):
    seen = []
    named = []
    session_train = Session.train

    def watched(session):
        train_on_batch = session.gan.train_on_batch

        def step(reals, *drawn):
            seen.append(np.rint((np.asarray(reals)[:, 0, 0, 0] + 1) * 127.5).astype(int).tolist())
            return train_on_batch(reals, *drawn)

        session.gan.train_on_batch = step
        named.extend(session.image_indices(number).tolist() for number in range(8))
        return session_train(session)

    monkeypatch.setattr(Session, "train", watched)
    train(config(store_folder, steps_per_call=1), tmp_path / "run")
    assert seen == named  # the first red value of this store's image number i is i


def test_weights_that_go_bad_in_the_last_step_are_not_saved(store_folder, tmp_path):
    class Spoil(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):  # comes after the check of the step's losses
            if batch == 7:
                weight = self.model.generator.weights[0]
                weight.assign(weight.numpy() * np.inf)

    run = tmp_path / "run"
    with pytest.raises(FaceganError, match=r"between step 6 and step 8.* weights"):
        train(config(store_folder, "stop"), run, callbacks=[Spoil()])
    assert checkpoint_steps(run / "checkpoints") == [3, 6]


def test_a_rollback_resumes_from_the_checkpoint_with_other_noise(store_folder, tmp_path):
    straight = train(config(store_folder), tmp_path / "straight")
    run = train(config(store_folder), tmp_path / "run", callbacks=[Poison(4, times=1)])
    assert steps(run) == steps(straight) == list(range(1, 9))
    lines, others = ((folder / "metrics.jsonl").read_text().splitlines() for folder in (run, straight))
    assert lines[:3] == others[:3]
    assert all(line != other for line, other in zip(lines[3:], others[3:], strict=True))
    assert record(run)["status"] == "finished"
    assert sha256(run) != sha256(straight)


def test_without_a_checkpoint_a_rollback_goes_back_to_the_start(store_folder, tmp_path):
    run = train(config(store_folder), tmp_path / "run", callbacks=[Poison(1, times=1)])
    assert steps(run) == list(range(1, 9))


def test_a_rollback_to_the_start_removes_the_best_checkpoint(store_folder, tmp_path):
    settings = tiny_config(
        store_folder,
        training={"steps": 4, "checkpoint_every": 9, "on_nonfinite": "rollback"},
        evaluation={"every": 2, "count": 8},
    )
    seen = []

    class Look(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            seen.append(checkpoint_steps(tmp_path / "run" / "checkpoints" / "best"))

    train(settings, tmp_path / "run", callbacks=[Poison(2, times=1), Look()])
    assert seen == [[], []]  # step 2 had been the best before the rollback


def test_there_are_at_most_max_rollbacks(store_folder, tmp_path):
    with pytest.raises(FaceganError, match=r"training\.max_rollbacks.* 2 times"):
        train(config(store_folder, max_rollbacks=2), tmp_path / "run", callbacks=[Poison(4)])
    assert [path.name for path in sorted((tmp_path / "run" / "nonfinite").iterdir())] == [
        f"step_000005_rollback_{number}.json" for number in (0, 1, 2)
    ]


def test_the_limit_of_rollbacks_may_be_lowered_below_those_made(store_folder, tmp_path):
    run = tmp_path / "run"
    train(config(store_folder), run, callbacks=[Poison(1, 4, times=2), StopAfter(7)])
    with pytest.raises(FaceganError, match=r"training\.max_rollbacks.* 2 times"):
        train(config(store_folder, max_rollbacks=1), run, resume=True, callbacks=[Poison(7, times=5)])


def test_a_run_that_rolled_back_resumes_to_the_same_bits(store_folder, tmp_path):
    settings = config(store_folder)
    undisturbed = train(settings, tmp_path / "undisturbed", callbacks=[Poison(4, times=1)])
    run = tmp_path / "run"
    # It crashes after the rollback but before the next checkpoint, and is then stopped after that one.
    with pytest.raises(RuntimeError):
        train(settings, run, callbacks=[Poison(4, times=1), Crash(5)])
    train(settings, run, resume=True, callbacks=[Poison(4, times=1), StopAfter(7)])
    train(settings, run, resume=True)
    assert sha256(run) == sha256(undisturbed)
    assert (run / "metrics.jsonl").read_bytes() == (undisturbed / "metrics.jsonl").read_bytes()


def test_a_signal_stops_the_run_even_if_the_step_was_bad(store_folder, tmp_path):
    class Signal(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            if batch == 4:
                signal.raise_signal(signal.SIGTERM)
                time.sleep(0.5)  # a thread handles it

    with pytest.raises(Interrupted):
        train(config(store_folder), tmp_path / "run", callbacks=[Poison(4), Signal()])
    assert checkpoint_steps(tmp_path / "run" / "checkpoints") == [3]
    assert record(tmp_path / "run")["status"] == "interrupted"


def test_every_seed_and_rollback_has_noise_of_its_own():
    highest = 2**31 - 1
    seeds = {draws.seed_after(seed, rollbacks) for seed in (0, 1, highest) for rollbacks in range(4)}
    assert len(seeds) == 12
    drawn = [
        draws.normal(draws.seed_after(highest, rollbacks), 3, draws.Stream.CRITIC_LATENTS, [8]).numpy()
        for rollbacks in range(3)
    ]
    assert len({values.tobytes() for values in drawn}) == 3


def test_a_rollback_to_the_start_resets_the_batch_statistics_too(store_folder, tmp_path):
    settings = tiny_dcgan(
        store_folder, training={"steps": 4, "checkpoint_every": 9, "on_nonfinite": "rollback"}
    )
    one = train(settings, tmp_path / "one", callbacks=[Poison(1, times=1)])
    two = train(settings, tmp_path / "two", callbacks=[Poison(0, times=1)])
    assert sha256(one) == sha256(two)  # no matter how far the first attempt got
