"""The training loop: draw, step, tell the callbacks."""

from collections.abc import Iterable, Sequence

import keras
import tensorflow as tf

from facegan_tf.common import draws
from facegan_tf.model.gan import GAN
from facegan_tf.model.step_draws import of_steps


def fit(
    gan: GAN,
    batches: Iterable[tf.Tensor],
    images: int,
    callbacks: Sequence[keras.callbacks.Callback],
    rollbacks: int = 0,
) -> None:
    """Train until the config's length is done, or a callback sets `gan.stop_training`.

    batches: reals float32 [B, S, S, 3] of the steps from `gan.steps_done` on; images: how many make
    an epoch; rollbacks: how often the run went back, each time to other noise. A step depends on the weights,
    the optimizers' state, the seed, the rollbacks and its own number alone.
    """
    config, training = gan.config, gan.config.training
    step_draws = of_steps(
        draws.seed_after(config.seed, rollbacks),
        training.batch_size,
        config.networks.latent_dim,
        gan.steps_done,
        reuse_latents=config.objective.reuse_latents,
    )
    total = training.total_steps(images)
    told = keras.callbacks.CallbackList(list(callbacks), model=gan, steps=total, images=images)
    told.on_train_begin()
    logs: dict[str, float] = {}
    steps = range(gan.steps_done, total)
    for step, reals, drawn in zip(steps, batches, step_draws, strict=False):
        if step * training.batch_size % images < training.batch_size:
            told.on_epoch_begin(step * training.batch_size // images)
        told.on_train_batch_begin(step)
        losses = gan.train_on_batch(reals, *drawn)
        logs = {"d_loss": losses.discriminator, "g_loss": losses.generator}
        told.on_train_batch_end(step, logs)
        epoch = training.whole_epochs(step, images)
        if training.whole_epochs(step + 1, images) > epoch:
            told.on_epoch_end(epoch, logs)
        if gan.stop_training:
            break
    told.on_train_end(logs)
