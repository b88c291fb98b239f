"""The training loop: make steps, call the callbacks."""

from collections.abc import Sequence

import keras

from facegan_tf.common.draws import seed_after
from facegan_tf.data.training_set import TrainingSet
from facegan_tf.model.compiled_steps import CompiledSteps
from facegan_tf.model.gan import GAN
from facegan_tf.model.runtime import ONE_DEVICE, Runtime
from facegan_tf.training.inputs import step_inputs
from facegan_tf.training.pace import Pace


def run_steps(
    gan: GAN,
    images: TrainingSet,
    total_steps: int,
    callbacks: Sequence[keras.callbacks.Callback],
    rollbacks: int = 0,
    steps_per_call: int | None = None,
    runtime: Runtime = ONE_DEVICE,
) -> None:
    """Train from `gan.steps_done` to `total_steps`, or until a callback sets `gan.stop_training`.

    rollbacks: how often the run went back to a checkpoint; each time it draws different noise. A step depends
    on the GAN's state, the seed, the rollbacks and its own number, and on nothing else: how many steps a call
    makes changes nothing. steps_per_call: most steps in one call, as in `training.steps_per_call`. All
    workers make the same calls: the chief says how many steps come next, and if one worker stops, all do.
    """
    gan.clock.total_steps.assign(total_steps)
    seed = seed_after(gan.config.seed, rollbacks)
    inputs = runtime.iterate(lambda shares: step_inputs(gan, images, seed, shares))
    by_keras = steps_per_call == 1 and runtime.strategy is None
    several = None if by_keras else CompiledSteps(gan, inputs, runtime)
    calls = keras.callbacks.CallbackList(
        list(callbacks), model=gan, steps=total_steps, images=len(images), is_chief=runtime.is_chief
    )
    pace = Pace(gan.config, len(images), total_steps, steps_per_call)
    calls.on_train_begin()
    logs: dict[str, float] = {}
    while (step := gan.steps_done) < total_steps:
        count, stops = runtime.agree(pace.next_count(step), gan.stop_training)
        if stops:
            break
        if pace.begins_epoch(step):
            calls.on_epoch_begin(pace.epoch(step))
        calls.on_train_batch_begin(step)
        if several is None:
            gan.recent_losses = [gan.train_on_batch(*next(inputs))]
        else:
            with pace.timed(count):
                gan.recent_losses = several(count)
        logs, done = gan.recent_losses[-1], gan.steps_done
        calls.on_train_batch_end(done - 1, logs)
        if pace.epoch(done) > pace.epoch(step):
            calls.on_epoch_end(pace.epoch(step), logs)
    calls.on_train_end(logs)
