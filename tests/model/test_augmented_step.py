"""Augmentation in the training step: of fakes and reals, for both nets, by the strength of the step."""

import json

import numpy as np
import pytest
import tensorflow as tf

from facegan_tf.common.draws import Stream, draw_seed, seed_of_part
from facegan_tf.config.settings import Config
from facegan_tf.model.augment import augment
from facegan_tf.model.build import build_gan
from tests.helpers.configs import tiny_dcgan

KINDS = ["colour", "translation", "cutout"]
RATE = 0.01


@pytest.fixture(scope="module")
def config():
    """With plain SGD, whose changes show the gradients, and a strength that falls from 1 to 0 in 4 steps."""
    sgd = {"name": "sgd", "learning_rate": RATE}
    settings = tiny_dcgan().model_dump(mode="json")
    settings["optimizers"] = {"discriminator": sgd, "generator": sgd}
    for net in ("generator", "discriminator"):
        settings["networks"][net]["dropout"] = 0.0
    strength = {"from": 1.0, "to": 0.0, "by": "linear", "images": 16}
    settings["augment"] = {"kinds": KINDS, "strength": strength}
    return Config.model_validate_json(json.dumps(settings))


def bce(logits, target):
    targets = tf.fill(tf.shape(logits), target)
    return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(targets, logits))


def check_moved(net, before, tape, loss):
    """Each weight moved by its gradient, times the learning rate."""
    gradients = tape.gradient(loss, [each.value for each in before.trainable_variables])
    for weight, was, gradient in zip(
        net.trainable_variables, before.trainable_variables, gradients, strict=True
    ):
        np.testing.assert_allclose(weight, was - RATE * gradient, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("step", "strength"),
    [pytest.param(0, 1.0, marks=pytest.mark.slow), (2, 0.5), pytest.param(4, 0.0, marks=pytest.mark.slow)],
)
def test_both_nets_learn_from_changed_images(config, step, strength):
    rng = np.random.default_rng(step)
    reals = tf.constant(rng.uniform(-1, 1, (4, 32, 32, 3)).astype("float32"))
    latents_d, latents_g = (tf.constant(each) for each in rng.normal(size=(2, 4, 4)).astype("float32"))
    gan, before = build_gan(config), build_gan(config)
    gan.clock.step.assign(step)

    def changed(images, part):
        seed = seed_of_part(draw_seed(config.seed, step, Stream.AUGMENT), part)
        return augment(images, KINDS, strength, seed)

    losses = gan.train_on_batch(reals, latents_d, latents_g)
    generate, judge = before.generator, before.discriminator
    with tf.GradientTape() as tape:
        of_fakes = judge(changed(generate(latents_d, training=True), part=0), training=True)
        of_reals = judge(changed(reals, part=1), training=True)
        d_loss = bce(of_reals, config.objective.real_target) + bce(of_fakes, 0.0)
    np.testing.assert_allclose(losses["d_loss"], d_loss, rtol=1e-5)
    check_moved(gan.discriminator, judge, tape, d_loss)
    # The generator learns from the discriminator after its update.
    judge.set_weights(gan.discriminator.get_weights())
    with tf.GradientTape() as tape:
        g_loss = bce(judge(changed(generate(latents_g, training=True), part=2), training=True), 1.0)
    np.testing.assert_allclose(losses["g_loss"], g_loss, rtol=1e-5)
    check_moved(gan.generator, generate, tape, g_loss)
