"""Calls of several steps, from crash to resume, with everything that the engine has turned on."""

import keras
import numpy as np
import pytest

from facegan_tf import train
from facegan_tf.model.state import state_variables
from facegan_tf.run.restore import restore_run
from tests.helpers.configs import modern_config, tiny_config, tiny_dcgan
from tests.helpers.interruptions import Crash
from tests.helpers.runs import metrics, record, sha256

pytestmark = pytest.mark.slow

SAME = ("metrics.jsonl", "psnr.jsonl", "training.gif", "grids/step_000010.png", "grids/step_000012.png")


def config_of(store_folder, **training):
    """12 steps of 4 images, 6 an epoch; something is due after 4, 5, 6, 8, 10 and 12."""
    return modern_config(
        store_folder,
        training={
            "steps": 12,
            "log_every": 4,
            "checkpoint_every": 5,
            "keep_checkpoints": 9,
            "precision": "bfloat16",
            **training,
        },
        grids={"every": 10},
    )


@pytest.fixture(scope="module")
def run(store_folder, tmp_path_factory):
    """Eight steps a call, without interruption."""
    return train(config_of(store_folder, steps_per_call=8), tmp_path_factory.mktemp("runs") / "straight")


def check_same(run, other):
    for name in SAME:
        assert (run / name).read_bytes() == (other / name).read_bytes(), name
    assert record(run)["losses"] == record(other)["losses"]
    ours, theirs = (state_variables(restore_run(folder)[0]) for folder in (run, other))
    for mine, their in zip(ours.values(), theirs.values(), strict=True):
        np.testing.assert_array_equal(mine, their)


@pytest.mark.parametrize("steps_per_call", [1, 3, None])
def test_how_many_steps_a_call_makes_changes_nothing(run, store_folder, tmp_path, steps_per_call):
    check_same(run, train(config_of(store_folder, steps_per_call=steps_per_call), tmp_path / "run"))


@pytest.mark.parametrize("family", [tiny_config, tiny_dcgan])
def test_the_recipes_own_steps_have_the_same_bits_in_calls_of_any_length(family, store_folder, tmp_path):
    # With the graph options that `train` sets for them, which rewrite sums.
    runs = []
    for steps_per_call in (1, 4, None):
        training = {"steps": 9, "log_every": 4, "checkpoint_every": 9, "steps_per_call": steps_per_call}
        config = family(store_folder, training=training, grids={"every": 9})
        runs.append(train(config, tmp_path / str(steps_per_call)))
    assert len({sha256(run) for run in runs}) == 1
    assert len({(run / "metrics.jsonl").read_bytes() for run in runs}) == 1


@pytest.mark.parametrize(("crash_at", "resumed_at"), [(8, 5), (12, 10), (4, 0)])
def test_a_crashed_run_resumes_to_the_same_bits(run, store_folder, tmp_path, crash_at, resumed_at, capsys):
    config = config_of(store_folder, steps_per_call=8)
    with pytest.raises(RuntimeError):
        train(config, tmp_path / "run", callbacks=[Crash(crash_at)])
    capsys.readouterr()
    other = config_of(store_folder, steps_per_call=2)  # may change
    train(other if crash_at == 8 else config, tmp_path / "run", resume=True)
    assert f"resuming at step {resumed_at}" in capsys.readouterr().err
    check_same(run, tmp_path / "run")


def test_penalties_are_logged_where_they_are_computed_and_averaged_over_those_steps(store_folder, tmp_path):
    config = modern_config(
        store_folder, objective={"penalty_every": 3}, training={"steps": 7, "log_every": 1}
    )
    run = train(config, tmp_path / "run")
    lines = metrics(run)
    assert [line["step"] for line in lines if "r1" in line] == [3, 6]
    assert [line["step"] for line in lines if "r2" in line] == [3, 6]
    for name in ("r1", "r2", "d_loss"):
        logged = [line[name] for line in lines if name in line]
        assert record(run)["losses"][name]["mean"] == pytest.approx(np.mean(logged))
    assert record(run)["losses"]["r1"]["minimum_step"] in (3, 6)
    assert (run / "curves.png").exists()


class Steps(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.ended = []

    def on_train_batch_end(self, batch, logs=None):
        assert self.model.steps_done == batch + 1
        self.ended.append((batch + 1, logs))


@pytest.mark.parametrize(
    ("steps_per_call", "ends"), [(None, [1, 2, 3, 4, 5, 6]), (4, [4, 5, 6]), (1, [1, 2, 3, 4, 5, 6])]
)
def test_a_callers_callbacks_see_each_step_unless_the_setting_says_otherwise(
    store_folder, tmp_path, steps_per_call, ends
):
    config = tiny_config(
        store_folder,
        training={"steps": 6, "log_every": 5, "checkpoint_every": 5, "steps_per_call": steps_per_call},
        grids={"every": 5},
    )
    seen = Steps()
    train(config, tmp_path / "run", callbacks=[seen])
    assert [step for step, _ in seen.ended] == ends
    assert all(set(logs) == {"d_loss", "g_loss"} for _, logs in seen.ended)


def test_a_step_that_goes_bad_within_a_call_is_named(store_folder, tmp_path):
    config = tiny_config(
        store_folder,
        training={"steps": 6, "log_every": 6, "checkpoint_every": 6, "steps_per_call": 6},
        grids={"every": 6},
        optimizers={"generator": {"name": "sgd", "learning_rate": 1e30}},
    )
    with pytest.raises(Exception, match="training went bad between step 1 and step 2"):
        train(config, tmp_path / "run")
    assert not (tmp_path / "run" / "metrics.jsonl").exists() or metrics(tmp_path / "run") == []
