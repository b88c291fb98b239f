"""The inputs of a run's steps: images and random draws, all functions of (store, seed, step)."""

import tensorflow as tf

from facegan_tf.common.draws import Stream, normal, uniform, untuned
from facegan_tf.data.training_set import TrainingSet
from facegan_tf.model.gan import GAN
from facegan_tf.model.step_inputs import StepInputs

Draws = tuple[tf.Tensor, tf.Tensor, tf.Tensor]
"""Latents of the discriminator's and of the generator's fakes, and label noise."""


def step_inputs(gan: GAN, images: TrainingSet, seed: int) -> tf.data.Dataset:
    """Endless `StepInputs`, the first for the GAN's next step; each is made while the step before runs.

    images: what the discriminator learns from. seed: that of the config, or that after a rollback.
    """
    training, latent_dim = gan.config.training, gan.config.networks.latent_dim
    ours, all_reals = training.batch_size, training.images_per_step

    def draw(step: tf.Tensor) -> Draws:
        latents_d = normal(seed, step, Stream.CRITIC_LATENTS, (all_reals, latent_dim))
        if gan.config.objective.reuse_latents:
            latents_g = latents_d[-ours:]
        else:
            latents_g = normal(seed, step, Stream.GENERATOR_LATENTS, (ours, latent_dim))
        return latents_d, latents_g, uniform(seed, step, Stream.LABEL_NOISE, (2 * all_reals, 1))

    start = gan.steps_done
    parts = [images.batches(start), tf.data.Dataset.range(start, tf.int64.max).map(draw).prefetch(2)]
    if gan.objective.loss.generator_sees_reals:
        parts.append(images.in_other_order(ours).batches(start))

    def together(reals: tf.Tensor, drawn: Draws, others: tf.Tensor | None = None) -> StepInputs:
        latents_d, latents_g, label_noise = drawn
        reals_g = reals[-ours:] if others is None else others
        return StepInputs(reals, latents_d, latents_g, label_noise, reals_g)

    return tf.data.Dataset.zip(*parts).map(together).with_options(untuned())
