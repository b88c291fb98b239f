"""The random draws of a training step, besides its images: a pure function of (seed, step)."""

from typing import NamedTuple

import tensorflow as tf

from facegan_tf.common.draws import Stream, normal, uniform, untuned
from facegan_tf.config.settings import Config


class StepDraws(NamedTuple):
    """The draws of one step of N images and latents of L."""

    latents_d: tf.Tensor
    """N(0, 1) float32 [N, L], for the fakes that the discriminator learns from."""
    latents_g: tf.Tensor
    """N(0, 1) float32 [N, L], for the fakes that the generator learns from; the same if they are reused."""
    label_noise: tf.Tensor
    """U(0, 1) float32 [2N, 1], for the targets of the discriminator's fakes and reals."""


def step_draws(config: Config, seed: int, start_step: int = 0) -> tf.data.Dataset:
    """Endless `StepDraws`, the first for step number `start_step`; each is drawn while the step before runs.

    seed: the config's, or the one that follows a rollback.
    """
    batch_size = config.training.batch_size
    shape = (batch_size, config.networks.latent_dim)
    reuse = config.objective.reuse_latents
    generator_stream = Stream.CRITIC_LATENTS if reuse else Stream.GENERATOR_LATENTS

    def draw(step: tf.Tensor) -> StepDraws:
        return StepDraws(
            latents_d=normal(seed, step, Stream.CRITIC_LATENTS, shape),
            latents_g=normal(seed, step, generator_stream, shape),
            label_noise=uniform(seed, step, Stream.LABEL_NOISE, (2 * batch_size, 1)),
        )

    steps = tf.data.Dataset.range(start_step, tf.int64.max)
    return steps.map(draw).prefetch(2).with_options(untuned())
