import json

import pytest

from facegan_tf.training.statistics import LossStatistics

D_LOSSES, G_LOSSES = [0.9, 0.5, 0.7, 0.6], [2.0, 3.0, 1.0, 4.0]


def fed(statistics, steps):
    for step in steps:
        statistics.on_train_batch_end(step, {"d_loss": D_LOSSES[step], "g_loss": G_LOSSES[step]})
    return statistics


def test_mean_and_minimum_are_over_every_step():
    assert fed(LossStatistics(), range(4)).summary() == {
        "d_loss": {"mean": pytest.approx(0.675), "minimum": 0.5, "minimum_step": 2},
        "g_loss": {"mean": pytest.approx(2.5), "minimum": 1.0, "minimum_step": 3},
    }


def test_going_on_from_a_state_that_was_written_down_changes_no_bit():
    first = fed(LossStatistics(), range(2))
    second = fed(LossStatistics(json.loads(json.dumps(first.state))), range(2, 4))
    assert second.summary() == fed(LossStatistics(), range(4)).summary()


def test_before_the_first_step_there_is_nothing_to_say():
    assert LossStatistics().summary() == {}
    assert LossStatistics().describe() == []


def test_in_words_each_net_has_a_line():
    assert [" ".join(line.split()) for line in fed(LossStatistics(), range(4)).describe()] == [
        "d_loss mean loss 0.6750 over 4 steps, minimum 0.5000 in step 2",
        "g_loss mean loss 2.5000 over 4 steps, minimum 1.0000 in step 3",
    ]
