"""What a training step draws, besides its images."""

from typing import NamedTuple

import tensorflow as tf

from facegan_tf.common.draws import Stream, normal, uniform, untuned


class StepDraws(NamedTuple):
    """What one training step draws, besides its images."""

    latents_d: tf.Tensor
    """float32 [B, L], N(0, 1): of the fakes that the discriminator learns from."""
    latents_g: tf.Tensor
    """float32 [B, L], N(0, 1): of the fakes that the generator learns from; may be the same."""
    label_noise: tf.Tensor
    """float32 [2B, 1], U(0, 1): for the targets of these fakes and of the reals."""


def of_steps(
    seed: int, batch_size: int, latent_dim: int, start_step: int = 0, *, reuse_latents: bool = False
) -> tf.data.Dataset:
    """Endless `StepDraws`, the first being step number `start_step`'s, drawn while the step before runs.

    reuse_latents: the generator gets the discriminator's latents, not fresh ones.
    """
    shape = (batch_size, latent_dim)
    generators = Stream.CRITIC_LATENTS if reuse_latents else Stream.GENERATOR_LATENTS

    def draw(step: tf.Tensor) -> StepDraws:
        return StepDraws(
            latents_d=normal(seed, step, Stream.CRITIC_LATENTS, shape),
            latents_g=normal(seed, step, generators, shape),
            label_noise=uniform(seed, step, Stream.LABEL_NOISE, (2 * batch_size, 1)),
        )

    steps = tf.data.Dataset.range(start_step, tf.int64.max)
    return steps.map(draw).prefetch(2).with_options(untuned())
