"""How far a run has come, and what schedules are worth there."""

import numpy as np
import pytest

from facegan_tf.config.schedule import Schedule
from facegan_tf.model.run_clock import RunClock


def expected(share, by, start=2e-4, end=5e-5):
    share = np.minimum(share, 1.0)
    if by == "cosine":
        share = (1 - np.cos(np.pi * share)) / 2
    return start + (end - start) * share


def values(clock, schedule, steps):
    found = []
    for step in steps:
        clock.step.assign(step)
        found.append(float(clock.value_of(schedule)))
    return found


@pytest.mark.parametrize("by", ["linear", "cosine"])
@pytest.mark.parametrize("ends", [(2e-4, 5e-5), (0.0, 10.0)])
def test_a_schedule_over_images_is_at_its_start_middle_and_end_where_they_are_seen(by, ends):
    schedule = Schedule(**{"from": ends[0], "to": ends[1], "by": by, "images": 80})
    steps = np.array([0, 1, 5, 9, 10, 11, 1000])  # of 8 images
    found = values(RunClock(8), schedule, steps)
    assert found == pytest.approx(expected(steps / 10, by, *ends), rel=1e-6, abs=1e-12)
    assert found[0] == np.float32(ends[0])
    assert found[2] == pytest.approx(sum(ends) / 2)
    assert found[4:] == [np.float32(ends[1])] * 3


@pytest.mark.parametrize("by", ["linear", "cosine"])
@pytest.mark.parametrize("images_per_step", [1, 8])
def test_a_schedule_over_the_run_ends_with_it_whatever_the_batch(by, images_per_step):
    clock = RunClock(images_per_step)
    clock.total_steps.assign(4)
    schedule = Schedule(**{"from": 2e-4, "to": 5e-5, "by": by})
    steps = np.arange(6)
    assert values(clock, schedule, steps) == pytest.approx(expected(steps / 4, by), rel=1e-6)


def test_a_schedule_over_images_does_not_depend_on_the_runs_length():
    schedule = Schedule(**{"from": 1.0, "to": 0.0, "images": 80})
    clock = RunClock(8)
    before = values(clock, schedule, range(12))
    clock.total_steps.assign(4)
    assert values(clock, schedule, range(12)) == before


def test_a_constant_is_itself():
    assert RunClock(8).value_of(0.1) == 0.1


def test_images_are_counted_as_steps_times_their_images():
    clock = RunClock(12)
    clock.step.assign(2**31)  # more than fits into 32 bits
    assert int(clock.images_seen()) == 12 * 2**31
