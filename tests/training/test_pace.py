"""How many steps a call makes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facegan_tf.training.pace import CALL_SECONDS, Pace
from tests.helpers.configs import tiny_config

numbers = st.integers(1, 40)


def config_of(log, save, draw, score=None, batch_size=4, critic_steps=1):
    return tiny_config(
        training={
            "log_every": log,
            "checkpoint_every": save,
            "batch_size": batch_size,
            "critic_steps": critic_steps,
        },
        grids={"every": draw},
        evaluation={"every": score},
    )


def ends_of(pace, total, start=0):
    """The steps that calls end at."""
    ends = [start]
    while ends[-1] < total:
        count = pace.next_count(ends[-1])
        assert count >= 1
        ends.append(ends[-1] + count)
    return ends[1:]


def epoch_ends(images, images_per_step, total):
    """The steps in which an epoch's last image is seen."""
    return {
        -(-epoch * images // images_per_step) for epoch in range(1, total * images_per_step // images + 1)
    }


@settings(deadline=None, max_examples=60)
@given(
    every=st.tuples(numbers, numbers, numbers, st.none() | numbers),
    batch=st.tuples(st.integers(1, 8), st.integers(1, 3)),
    images=st.integers(2, 60),
    total=st.integers(1, 80),
    most=st.integers(1, 100),
    start=st.integers(0, 79),
)
def test_calls_end_wherever_something_is_due_and_are_never_empty_or_too_long(
    every, batch, images, total, most, start
):
    start = min(start, total - 1)
    pace = Pace(config_of(*every, *batch), images, total, most)
    ends = ends_of(pace, total, start)
    due = {step for n in every if n for step in range(n, total + 1, n)} | {total}
    due |= {step for step in epoch_ends(images, batch[0] * batch[1], total) if step <= total}
    due = {step for step in due if step > start}
    assert due <= set(ends)
    lengths = [end - before for before, end in zip([start, *ends], ends, strict=False)]
    assert max(lengths) <= most
    # A call ends before it is full only where something is due.
    assert all(length == most or end in due for length, end in zip(lengths, ends, strict=True))


def test_without_a_limit_calls_take_about_a_second(monkeypatch):
    pace = Pace(config_of(1000, 1000, 1000), 10**6, 1000, None)
    assert pace.next_count(0) == 1  # the time of a step is not known yet
    for seconds, count in [(100.0, 1), (0.1, int(CALL_SECONDS / 0.1)), (0.3, 3), (2.0, 1), (1e-9, 1000)]:
        clock = iter([0.0, seconds * 5])
        monkeypatch.setattr("facegan_tf.training.pace.time.perf_counter", lambda clock=clock: next(clock))
        with pace.timed(5):
            pass
        assert pace.next_count(0) == count


def test_a_call_of_no_measurable_time_is_followed_by_one_of_a_step(monkeypatch):
    pace = Pace(config_of(10, 10, 10), 10**6, 1000, None)
    monkeypatch.setattr("facegan_tf.training.pace.time.perf_counter", lambda: 1.0)
    with pace.timed(1):
        pass
    assert pace.next_count(3) >= 1


@pytest.mark.parametrize(("batch_size", "critic_steps"), [(4, 1), (2, 2)])
def test_epochs_are_counted_in_images_that_the_discriminator_sees(batch_size, critic_steps):
    pace = Pace(config_of(99, 99, 99, batch_size=batch_size, critic_steps=critic_steps), 10, 6, 99)
    # 4 images a step, 10 an epoch: epochs end in steps 3 and 5.
    assert [pace.epoch(step) for step in range(7)] == [0, 0, 0, 1, 1, 2, 2]
    assert [step for step in range(6) if pace.begins_epoch(step)] == [0, 3, 5]
    assert ends_of(pace, 6) == [3, 5, 6]
