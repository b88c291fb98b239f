"""A discriminator whose first layers are left as they are."""

import numpy as np
import pytest
import tensorflow as tf

from facegan_tf.model.build import build_gan
from tests.helpers.configs import modern_config, tiny_config, tiny_dcgan
from tests.helpers.refusals import refusal


def batch(seed):
    rng = np.random.default_rng(seed)
    reals = rng.uniform(-1, 1, (4, 32, 32, 3)).astype("float32")
    return [tf.constant(each) for each in (reals, *rng.normal(size=(2, 4, 4)).astype("float32"))]


def learning_layers(config):
    return [layer.name for layer in build_gan(config).discriminator.layers if layer.trainable_weights]


def frozen(config, count):
    training = config.training.model_copy(update={"freeze_discriminator": count})
    return config.model_copy(update={"training": training})


CASES = [(tiny_config(), 2), (tiny_dcgan(), 0), (tiny_dcgan(), 1), (tiny_dcgan(), 3), (modern_config(), 2)]


@pytest.mark.parametrize(("config", "count"), CASES)
def test_exactly_the_first_layers_that_learn_stay_bit_for_bit(config, count):
    gan = build_gan(frozen(config, count))
    layers = [layer for layer in gan.discriminator.layers if layer.weights]
    before = [[weight.numpy() for weight in layer.weights] for layer in layers]
    for step in range(2):
        gan.train_on_batch(*batch(step))
    stayed = [
        all((weight.numpy() == old).all() for weight, old in zip(layer.weights, was, strict=True))
        for layer, was in zip(layers, before, strict=True)
    ]
    # Batch normalisation counts, and its averages stay, too.
    assert stayed == [number < count for number in range(len(layers))]
    learned = sum(len(layer.trainable_weights) for layer in layers[count:])
    assert len(gan.critic.trainable_variables) == learned


def test_the_generator_still_learns_through_frozen_layers():
    gan = build_gan(frozen(tiny_dcgan(), 2))
    before = [weight.numpy() for weight in gan.generator.trainable_variables]
    gan.train_on_batch(*batch(0))
    for weight, old in zip(gan.generator.trainable_variables, before, strict=True):
        assert (weight.numpy() != old).any()


@pytest.mark.parametrize("config", [tiny_config(), tiny_dcgan()], ids=["deepconv", "dcgan"])
def test_at_least_one_layer_must_learn(config):
    count = len(learning_layers(config))
    build_gan(frozen(config, count - 1))
    for too_many in (count, count + 5):
        with refusal("training.freeze_discriminator", str(count), value=too_many):
            build_gan(frozen(config, too_many))
