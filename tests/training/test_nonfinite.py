import json
import signal
import time

import keras
import numpy as np
import pytest

from facegan_tf import train
from facegan_tf.common import draws
from facegan_tf.common.errors import FaceganError
from facegan_tf.model.state import weights_sha256
from facegan_tf.run.directory import checkpoint_steps
from facegan_tf.run.restore import restore_run
from facegan_tf.training.session import Session
from facegan_tf.training.signals import Interrupted
from tests.helpers.configs import tiny_config, tiny_dcgan
from tests.helpers.interruptions import Crash, Poison, StopAfter


def config(store, on_nonfinite="rollback", **training):
    return tiny_config(
        store, training={"steps": 8, "checkpoint_every": 3, "on_nonfinite": on_nonfinite, **training}
    )


def steps(run):
    return [json.loads(line)["step"] for line in (run / "metrics.jsonl").read_text().splitlines()]


def sha256(run):
    return weights_sha256(restore_run(run)[0])


def test_a_run_stops_and_says_between_which_steps(store_folder, tmp_path):
    run = tmp_path / "run"
    with pytest.raises(
        FaceganError, match=r"between step 4 and step 5 .* d_loss is nan, g_loss is nan"
    ) as caught:
        train(config(store_folder, "stop"), run, callbacks=[Poison(4)])
    assert "on_nonfinite=rollback" in str(caught.value)
    assert checkpoint_steps(run / "checkpoints") == [3]
    assert json.loads((run / "run.json").read_text())["status"] == "failed"
    assert steps(run) == [1, 2, 3, 4]


def test_the_bad_steps_numbers_are_kept(store_folder, tmp_path):
    run = tmp_path / "run"
    with pytest.raises(FaceganError):
        train(config(store_folder, "stop"), run, callbacks=[Poison(4)])
    numbers = json.loads((run / "nonfinite" / "step_000005_rollback_0.json").read_text())
    assert numbers["losses_were_finite_in_step"] == 4
    assert numbers["step"] == 5
    assert numbers["losses"] == {"d_loss": "nan", "g_loss": "nan"}
    poisoned = [counts for counts in numbers["variables"].values() if counts["nan"] == counts["in_all"]]
    assert poisoned
    # 24 images, 4 a step: of one epoch, so all different.
    assert list(numbers["images"]) == ["4", "5"]
    seen = numbers["images"]["4"] + numbers["images"]["5"]
    assert len(set(seen)) == 8
    assert set(seen) <= set(range(24))


def test_the_images_that_are_named_are_those_of_the_step(store_folder, tmp_path, monkeypatch):
    seen = []
    named = []
    fit = Session.fit

    def watched(session, total):
        train_on_batch = session.gan.train_on_batch

        def step(reals, *drawn):
            seen.append(np.rint((np.asarray(reals)[:, 0, 0, 0] + 1) * 127.5).astype(int).tolist())
            return train_on_batch(reals, *drawn)

        session.gan.train_on_batch = step
        named.extend(session.image_indices(number).tolist() for number in range(8))
        return fit(session, total)

    monkeypatch.setattr(Session, "fit", watched)
    train(config(store_folder), tmp_path / "run")
    assert seen == named  # image number i of this store has the value i in its first pixel


def test_weights_that_went_bad_in_the_last_step_are_not_saved(store_folder, tmp_path):
    class Spoil(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):  # after the check of the step's losses
            if batch == 7:
                weight = self.model.generator.weights[0]
                weight.assign(weight.numpy() * np.inf)

    run = tmp_path / "run"
    with pytest.raises(FaceganError, match=r"between step 6 and step 8 .* weights are not"):
        train(config(store_folder, "stop"), run, callbacks=[Spoil()])
    assert checkpoint_steps(run / "checkpoints") == [3, 6]


def test_a_rollback_goes_on_from_the_checkpoint_with_other_noise(store_folder, tmp_path):
    straight = train(config(store_folder), tmp_path / "straight")
    run = train(config(store_folder), tmp_path / "run", callbacks=[Poison(4, times=1)])
    assert steps(run) == steps(straight) == list(range(1, 9))
    lines, others = ((folder / "metrics.jsonl").read_text().splitlines() for folder in (run, straight))
    assert lines[:3] == others[:3]
    assert all(line != other for line, other in zip(lines[3:], others[3:], strict=True))
    assert json.loads((run / "run.json").read_text())["status"] == "finished"
    assert sha256(run) != sha256(straight)


def test_without_a_checkpoint_a_rollback_goes_back_to_the_start(store_folder, tmp_path):
    run = train(config(store_folder), tmp_path / "run", callbacks=[Poison(1, times=1)])
    assert steps(run) == list(range(1, 9))


def test_the_best_of_a_try_that_was_given_up_is_forgotten(store_folder, tmp_path):
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
    assert seen == [[], []]  # also after the rollback to the start, though step 2 had been the best


def test_there_are_no_more_rollbacks_than_are_allowed(store_folder, tmp_path):
    poison = Poison(4)
    with pytest.raises(FaceganError, match=r"max_rollbacks: it went back 2 times"):
        train(config(store_folder, max_rollbacks=2), tmp_path / "run", callbacks=[poison])
    assert [path.name for path in sorted((tmp_path / "run" / "nonfinite").iterdir())] == [
        f"step_000005_rollback_{number}.json" for number in (0, 1, 2)
    ]


def test_a_run_that_went_back_resumes_in_the_same_bits(store_folder, tmp_path):
    settings = config(store_folder)
    undisturbed = train(settings, tmp_path / "undisturbed", callbacks=[Poison(4, times=1)])
    run = tmp_path / "run"
    # One that crashes after the rollback but before the next checkpoint, and is stopped again after that.
    with pytest.raises(RuntimeError, match="plug"):
        train(settings, run, callbacks=[Poison(4, times=1), Crash(5)])
    train(settings, run, resume=True, callbacks=[Poison(4, times=1), StopAfter(7)])
    train(settings, run, resume=True)
    assert sha256(run) == sha256(undisturbed)
    assert (run / "metrics.jsonl").read_bytes() == (undisturbed / "metrics.jsonl").read_bytes()


def test_a_signal_is_followed_though_the_step_was_bad(store_folder, tmp_path):
    class Signal(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            if batch == 4:
                signal.raise_signal(signal.SIGTERM)
                time.sleep(0.5)  # a thread attends to it

    with pytest.raises(Interrupted):
        train(config(store_folder), tmp_path / "run", callbacks=[Poison(4), Signal()])
    assert checkpoint_steps(tmp_path / "run" / "checkpoints") == [3]


def test_streams_of_noise_never_meet():
    highest = 2**31 - 1
    seeds = {draws.seed_after(seed, rollbacks) for seed in (0, 1, highest) for rollbacks in range(4)}
    assert len(seeds) == 12
    drawn = [
        draws.normal(draws.seed_after(highest, rollbacks), 3, draws.Stream.CRITIC_LATENTS, [8]).numpy()
        for rollbacks in range(3)
    ]
    assert len({values.tobytes() for values in drawn}) == 3


def test_batch_statistics_too_are_as_at_the_start_after_a_rollback(store_folder, tmp_path):
    settings = tiny_dcgan(
        store_folder, training={"steps": 4, "checkpoint_every": 9, "on_nonfinite": "rollback"}
    )
    one = train(settings, tmp_path / "one", callbacks=[Poison(1, times=1)])
    two = train(settings, tmp_path / "two", callbacks=[Poison(0, times=1)])
    assert sha256(one) == sha256(two)  # how far the first try came makes no difference
