"""What workers check together, and what happens to the others when one is lost."""

import numpy as np
import pytest
import tensorflow as tf

from facegan_tf.common.errors import FaceganError
from facegan_tf.model.build import build_gan
from facegan_tf.model.nonfinite import NonFiniteError
from facegan_tf.model.runtime import ONE_DEVICE, Runtime
from facegan_tf.training.workers import (
    StateGuard,
    check_all_have_the_same,
    lost_workers_end_the_run,
    open_in_turn,
)
from tests.helpers.configs import tiny_config


class OfThree(Runtime):
    """Worker 1 of three, the last of which may have different numbers."""

    def __init__(self, last=None):
        super().__init__(worker=1, workers=3)
        self.last = last

    def gather(self, *numbers):
        return np.array([numbers, numbers, numbers if self.last is None else self.last])


def test_workers_with_the_same_facts_continue():
    check_all_have_the_same(OfThree(), settings="a", step_to_go_on_from=3)
    check_all_have_the_same(ONE_DEVICE, settings="a")


def test_a_worker_that_has_something_else_is_named_on_all():
    with pytest.raises(
        FaceganError, match=r"settings: not the same on all 3 workers: 2 differ.*on worker 1: a"
    ):
        check_all_have_the_same(OfThree(last=(1, 2)), settings="a", step_to_go_on_from=3)


def test_all_stop_if_one_wants_to_and_the_chief_says_how_many_steps_are_next():
    class Disagreeing(Runtime):
        def gather(self, *numbers):
            return np.array([[5, 0], [7, 1], [6, 0]])

    assert Disagreeing().agree(7, True) == (5, True)
    assert ONE_DEVICE.agree(7, False) == (7, False)


@pytest.mark.parametrize(("chief", "order"), [(True, ["open", "wait"]), (False, ["wait", "open"])])
def test_the_chief_prepares_the_store_before_the_others_open_it(chief, order):
    done = []

    class Noting(Runtime):
        is_chief = chief

        def gather(self, *numbers):
            assert numbers  # TensorFlow waits for nobody where there is nothing to add up
            done.append("wait")
            return np.array([numbers])

    class Store:
        def open_or_prepare(self):
            done.append("open")

    open_in_turn(Store(), Noting())
    assert done == order


@pytest.mark.parametrize("kind", [tf.errors.UnavailableError, tf.errors.DeadlineExceededError])
def test_a_lost_worker_ends_the_run_with_the_command_to_resume(kind, tmp_path):
    lost = kind(None, None, "Graph\n\nCollective ops is aborted by: Connection reset by peer\nmore")
    with (
        pytest.raises(FaceganError, match=rf"\(Connection reset by peer\).*train {tmp_path} --resume"),
        lost_workers_end_the_run(OfThree(), tmp_path),
    ):
        raise lost
    with pytest.raises(kind), lost_workers_end_the_run(ONE_DEVICE, tmp_path):
        raise lost  # in one process, it is passed on unchanged


def test_every_worker_notices_a_bad_state_when_the_chief_saves():
    config = tiny_config()  # a checkpoint every 3 steps
    guard = StateGuard(config)
    guard.set_model(build_gan(config))
    guard.after_steps(0, 3, {})
    guard.model.generator.weights[0].assign(guard.model.generator.weights[0] * np.nan)
    guard.after_steps(3, 5, {})
    with pytest.raises(NonFiniteError, match="generator"):
        guard.after_steps(5, 6, {})
    with pytest.raises(NonFiniteError):
        guard.on_train_end()


def test_a_resumed_worker_says_that_its_state_was_good_when_it_started():
    config = tiny_config()
    gan = build_gan(config)
    gan.clock.step.assign(3)
    guard = StateGuard(config)
    guard.set_model(gan)
    guard.on_train_begin()
    gan.generator.weights[0].assign(gan.generator.weights[0] * np.nan)
    gan.clock.step.assign(5)
    with pytest.raises(NonFiniteError, match="between step 3 and step 5"):
        guard.on_train_end()
