"""The training loop: make steps, call the callbacks."""

from collections.abc import Sequence

import keras

from facegan_tf.common.draws import seed_after
from facegan_tf.data.training_set import TrainingSet
from facegan_tf.model.compiled_steps import CompiledSteps
from facegan_tf.model.gan import GAN
from facegan_tf.training.inputs import step_inputs
from facegan_tf.training.pace import Pace


def run_steps(
    gan: GAN,
    images: TrainingSet,
    total_steps: int,
    callbacks: Sequence[keras.callbacks.Callback],
    rollbacks: int = 0,
    steps_per_call: int | None = None,
) -> None:
    """Train from `gan.steps_done` to `total_steps`, or until a callback sets `gan.stop_training`.

    rollbacks: how often the run went back to a checkpoint; each time it draws other noise. A step depends on
    the GAN's state, the seed, the rollbacks and its own number, and on nothing else: how many steps one call
    makes changes nothing. steps_per_call: most steps in one call, as `training.steps_per_call`.
    """
    gan.clock.total_steps.assign(total_steps)
    inputs = iter(step_inputs(gan, images, seed_after(gan.config.seed, rollbacks)))
    several = None if steps_per_call == 1 else CompiledSteps(gan, inputs)
    calls = keras.callbacks.CallbackList(list(callbacks), model=gan, steps=total_steps, images=len(images))
    pace = Pace(gan.config, len(images), total_steps, steps_per_call)
    calls.on_train_begin()
    logs: dict[str, float] = {}
    while (step := gan.steps_done) < total_steps:
        if pace.begins_epoch(step):
            calls.on_epoch_begin(pace.epoch(step))
        calls.on_train_batch_begin(step)
        if several is None:
            gan.recent_losses = [gan.train_on_batch(*next(inputs))]
        else:
            with pace.timed(count := pace.next_count(step)):
                gan.recent_losses = several(count)
        logs, done = gan.recent_losses[-1], gan.steps_done
        calls.on_train_batch_end(done - 1, logs)
        if pace.epoch(done) > pace.epoch(step):
            calls.on_epoch_end(pace.epoch(step), logs)
        if gan.stop_training:
            break
    calls.on_train_end(logs)
