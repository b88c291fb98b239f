"""The inputs of a run's steps: images and random draws, all functions of (store, seed, step)."""

from collections.abc import Sequence

import tensorflow as tf

from facegan_tf.common.draws import Stream, normal, uniform, untuned
from facegan_tf.common.share import WHOLE, Rows, Share, turns
from facegan_tf.data.training_set import TrainingSet
from facegan_tf.model.gan import GAN
from facegan_tf.model.step_inputs import StepInputs

Draws = tuple[tf.Tensor, tf.Tensor, tf.Tensor]
"""Latents for the discriminator's fakes and for the generator's, and label noise."""


def step_inputs(
    gan: GAN, images: TrainingSet, seed: int, shares: Sequence[Share] = (WHOLE,)
) -> tf.data.Dataset:
    """Endless `StepInputs`, the first for the GAN's next step; each is made while the step before runs.

    images: what the discriminator learns from. seed: the config's, or that after a rollback. shares:
    only these shares of each step's inputs, one after the other, instead of the whole.
    """
    training, latent_dim = gan.config.training, gan.config.networks.latent_dim
    ours, parts, all_reals = training.batch_size, training.critic_steps, training.images_per_step
    rows_d, rows_g, rows_of_both = (Rows(shares, ours, batches) for batches in (parts, 1, 2 * parts))

    def draw(step: tf.Tensor, place: tf.Tensor) -> Draws:
        latents_d = normal(seed, step, Stream.CRITIC_LATENTS, (all_reals, latent_dim))
        if gan.config.objective.reuse_latents:
            latents_g = latents_d[-ours:]
        else:
            latents_g = normal(seed, step, Stream.GENERATOR_LATENTS, (ours, latent_dim))
        label_noise = uniform(seed, step, Stream.LABEL_NOISE, (2 * all_reals, 1))
        return (
            rows_d.of(latents_d, place),
            rows_g.of(latents_g, place),
            rows_of_both.of(label_noise, place),
        )

    start = gan.steps_done
    drawn = turns(start, shares).map(draw).prefetch(2 * len(shares))
    datasets = [images.batches(start, shares, parts), drawn]
    if gan.objective.loss.generator_sees_reals:
        datasets.append(images.in_other_order(ours).batches(start, shares))

    def together(reals: tf.Tensor, drawn: Draws, others: tf.Tensor | None = None) -> StepInputs:
        latents_d, latents_g, label_noise = drawn
        reals_g = reals[-latents_g.shape[0] :] if others is None else others
        return StepInputs(reals, latents_d, latents_g, label_noise, reals_g)

    return tf.data.Dataset.zip(*datasets).map(together).with_options(untuned())
