"""The training loop: draw, step, call the callbacks."""

import itertools
from collections.abc import Iterable, Sequence

import keras

from facegan_tf.common.draws import Stream, seed_after
from facegan_tf.data.training_set import TrainingSet
from facegan_tf.model.gan import GAN
from facegan_tf.model.step_draws import step_draws


def run_steps(
    gan: GAN,
    images: TrainingSet,
    total_steps: int,
    callbacks: Sequence[keras.callbacks.Callback],
    rollbacks: int = 0,
) -> None:
    """Train from `gan.steps_done` to `total_steps`, or until a callback sets `gan.stop_training`.

    rollbacks: how often the run went back to a checkpoint; each time it draws other noise. A step depends on
    the GAN's state, the seed, the rollbacks and its own number, and on nothing else.
    """
    training, epoch_images = gan.config.training, len(images)
    batches = images.batches(gan.steps_done)
    others: Iterable = itertools.repeat(None)
    if gan.objective.loss.generator_sees_reals:
        others = images.batches(gan.steps_done, Stream.GENERATOR_SHUFFLE)
    draws = step_draws(gan.config, seed_after(gan.config.seed, rollbacks), gan.steps_done)
    calls = keras.callbacks.CallbackList(list(callbacks), model=gan, steps=total_steps, images=epoch_images)
    calls.on_train_begin()
    logs: dict[str, float] = {}
    steps = range(gan.steps_done, total_steps)
    for step, reals, reals_g, drawn in zip(steps, batches, others, draws, strict=False):
        if step * training.batch_size % epoch_images < training.batch_size:
            calls.on_epoch_begin(step * training.batch_size // epoch_images)
        calls.on_train_batch_begin(step)
        logs = gan.train_on_batch(reals, drawn.latents_d, drawn.latents_g, drawn.label_noise, reals_g)
        calls.on_train_batch_end(step, logs)
        epoch = training.whole_epochs(step, epoch_images)
        if training.whole_epochs(step + 1, epoch_images) > epoch:
            calls.on_epoch_end(epoch, logs)
        if gan.stop_training:
            break
    calls.on_train_end(logs)
