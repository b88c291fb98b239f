"""What a training step takes in: images and random draws, all functions of (store, seed, step)."""

from typing import NamedTuple

import tensorflow as tf

from facegan_tf.common.draws import Stream, normal, uniform, untuned
from facegan_tf.config.settings import Config
from facegan_tf.data.training_set import TrainingSet


class StepInputs(NamedTuple):
    """The inputs of one step; N: batch size, K: updates of the discriminator in a step, L: latents."""

    reals: tf.Tensor
    """float32 [KN, S, S, 3] in [-1, 1], which the discriminator learns from."""
    latents_d: tf.Tensor
    """N(0, 1) float32 [KN, L], for the fakes that the discriminator learns from."""
    latents_g: tf.Tensor
    """N(0, 1) float32 [N, L], for the fakes that the generator learns from; the last of the others if reused."""
    label_noise: tf.Tensor
    """U(0, 1) float32 [2KN, 1], for the targets of the discriminator's fakes and reals."""
    reals_g: tf.Tensor
    """float32 [N, S, S, 3], which the generator's fakes are compared with: other reals than the first."""


def step_inputs(config: Config, images: TrainingSet, seed: int, start_step: int = 0) -> tf.data.Dataset:
    """Endless `StepInputs`, the first for step number `start_step`; each is made while the step before runs.

    seed: of the draws: the config's, or the one that follows a rollback.
    """
    training, latent_dim = config.training, config.networks.latent_dim
    ours, all_reals = training.batch_size, training.images_per_step
    others = images.for_generator(ours)

    def draws(step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        latents_d = normal(seed, step, Stream.CRITIC_LATENTS, (all_reals, latent_dim))
        if config.objective.reuse_latents:
            latents_g = latents_d[-ours:]
        else:
            latents_g = normal(seed, step, Stream.GENERATOR_LATENTS, (ours, latent_dim))
        return latents_d, latents_g, uniform(seed, step, Stream.LABEL_NOISE, (2 * all_reals, 1))

    steps = tf.data.Dataset.range(start_step, tf.int64.max)
    drawn = steps.map(draws).prefetch(2)
