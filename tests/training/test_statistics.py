import json
from types import SimpleNamespace

import pytest

from facegan_tf.training.statistics import LossStatistics

LOSSES = {"d_loss": [0.9, 0.5, 0.7, 0.6], "g_loss": [2.0, 3.0, 1.0, 4.0], "penalty": [-1.0, -3.0, -2.0, -2.0]}


def fed(statistics, steps, losses=LOSSES, call=1):
    """Statistics that were given these steps, counted from 0, in calls of `call` steps."""
    each = [
        {name: values[step] for name, values in losses.items() if values[step] is not None} for step in steps
    ]
    for start in range(0, len(each), call):
        recent = each[start : start + call]
        statistics.set_model(SimpleNamespace(recent_losses=recent))
        statistics.on_train_batch_end(steps[0] + start + len(recent) - 1, recent[-1])
    return statistics


@pytest.mark.parametrize("call", [1, 2, 3, 4])
def test_mean_and_minimum_cover_every_step_and_every_loss(call):
    assert fed(LossStatistics(), range(4), call=call).summary() == {
        "d_loss": {"mean": pytest.approx(0.675), "minimum": 0.5, "minimum_step": 2},
        "g_loss": {"mean": pytest.approx(2.5), "minimum": 1.0, "minimum_step": 3},
        "penalty": {"mean": pytest.approx(-2.0), "minimum": -3.0, "minimum_step": 2},
    }


def test_resuming_from_a_saved_state_changes_no_bit():
    first = fed(LossStatistics(), range(2))
    second = fed(LossStatistics(json.loads(json.dumps(first.state))), range(2, 4))
    assert second.summary() == fed(LossStatistics(), range(4)).summary()


@pytest.mark.parametrize("call", [1, 4])
def test_a_loss_that_some_steps_lack_is_averaged_over_the_others(call):
    losses = LOSSES | {"r1": [None, 0.5, None, 0.25]}
    statistics = fed(LossStatistics(), range(4), losses, call)
    assert statistics.summary()["r1"] == {"mean": 0.375, "minimum": 0.25, "minimum_step": 4}
    assert statistics.summary()["d_loss"]["mean"] == pytest.approx(0.675)
    [line] = [line for line in statistics.describe() if line.startswith("r1")]
    assert "over 2 steps" in line


def test_before_the_first_step_there_is_no_summary():
    assert LossStatistics().summary() == {}
    assert LossStatistics().describe() == []


def test_the_description_has_a_line_for_each_loss():
    losses = {name: LOSSES[name] for name in ("d_loss", "g_loss")}
    assert [" ".join(line.split()) for line in fed(LossStatistics(), range(4), losses).describe()] == [
        "d_loss mean 0.6750 over 4 steps, minimum 0.5000 at step 2",
        "g_loss mean 2.5000 over 4 steps, minimum 1.0000 at step 3",
    ]
    assert all("over 1 step, " in line for line in fed(LossStatistics(), range(1), losses).describe())
