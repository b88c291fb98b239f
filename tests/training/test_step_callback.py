from types import SimpleNamespace

import pytest

from facegan_tf.training.step_callback import StepCallback


class Recorder(StepCallback):
    def __init__(self, steps_done=0):
        super().__init__()
        self.set_model(SimpleNamespace(steps_done=steps_done))
        self.calls = []

    def after_steps(self, before, after, logs):
        self.calls.append((before, after, logs))


@pytest.mark.parametrize("start", [0, 7])
def test_every_step_is_covered_once_whether_a_call_makes_one_or_several(start):
    recorder = Recorder(steps_done=start)
    recorder.on_train_begin()
    ends = [start + steps for steps in (1, 2, 6, 10)]
    for end in ends:
        recorder.on_train_batch_end(batch=end - 1, logs={"d_loss": float(end)})
    expected = zip([start, *ends], ends, strict=False)
    assert recorder.calls == [(before, after, {"d_loss": float(after)}) for before, after in expected]


def test_a_session_starts_at_its_own_step():
    recorder = Recorder()
    recorder.on_train_begin()
    recorder.on_train_batch_end(batch=4, logs={})
    recorder.set_model(SimpleNamespace(steps_done=3))  # after a rollback
    recorder.on_train_begin()
    recorder.on_train_batch_end(batch=3, logs={})
    assert recorder.calls[1:] == [(3, 4, {})]


def test_a_call_without_logs_has_no_losses():
    recorder = Recorder()
    recorder.on_train_begin()
    recorder.on_train_batch_end(batch=0)
    assert recorder.calls == [(0, 1, {})]
