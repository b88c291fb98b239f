"""`build_gan`: from a config to an untrained GAN."""

import itertools

import keras
import numpy as np
import tensorflow as tf

from facegan_tf.common.errors import InputError
from facegan_tf.config.settings import Config
from facegan_tf.model.gan import GAN
from facegan_tf.model.networks import family_module
from facegan_tf.model.precision import computing_in, with_known_precision


def build_gan(config: Config) -> GAN:
    """Build both nets from the config, initialised from its seed, and compose them.

    The GAN's config has the precision that `training.precision: auto` means on this machine.
    Raises InputError if there is not enough memory for them.
    """
    config = with_known_precision(config)
    training, family = config.training, family_module(config.networks.family)
    sizes = config.data.size, config.networks
    generator_seed, discriminator_seed = np.random.SeedSequence(config.seed).generate_state(2)
    try:
        with computing_in(training.precision):
            generator = family.build_generator(*sizes, itertools.count(int(generator_seed)))
            discriminator = family.build_discriminator(*sizes, itertools.count(int(discriminator_seed)))
            average = None
            if training.ema_half_life is not None:
                average = family.build_generator(*sizes, itertools.count(int(generator_seed)))
        _freeze_first_layers(discriminator, training.freeze_discriminator)
        return GAN(generator, discriminator, config, average)
    except tf.errors.ResourceExhaustedError as error:
        raise InputError(
            "networks",
            None,
            "these nets need more memory than there is; lower their channels or networks.latent_dim",
        ) from error


def _freeze_first_layers(discriminator: keras.Model, count: int) -> None:
    """Freeze the first `count` trainable layers: Mo, Cho and Shin, "Freeze the Discriminator" (2020)."""
    learning = [layer for layer in discriminator.layers if layer.trainable_weights]
    if count >= len(learning) and count:
        problem = f"must be less than {len(learning)}, the number of the discriminator's trainable layers"
        raise InputError("training.freeze_discriminator", count, problem)
    for layer in learning[:count]:
        layer.trainable = False
