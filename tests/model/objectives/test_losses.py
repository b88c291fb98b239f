"""Each adversarial loss against its formula in numpy, and a relativistic GAN step against one by hand."""

import numpy as np
import pytest
import tensorflow as tf

from facegan_tf.config.objective import ObjectiveSettings
from facegan_tf.model.build import build_gan
from facegan_tf.model.objectives.objective import GeneratorBatch, build_objective
from facegan_tf.model.run_clock import RunClock
from tests.helpers.batches import discriminator_batch
from tests.helpers.configs import tiny_config


def softplus(x):
    return np.log1p(np.exp(x))


FORMULAS = {
    "hinge": (
        lambda f, r: np.maximum(0, 1 - r).mean() + np.maximum(0, 1 + f).mean(),
        lambda f, r: -f.mean(),
    ),
    "least_squares": (
        lambda f, r: (((r - 1) ** 2).mean() + (f**2).mean()) / 2,
        lambda f, r: ((f - 1) ** 2).mean() / 2,
    ),
    "relativistic": (
        lambda f, r: softplus(-(r - f)).mean(),
        lambda f, r: softplus(-(f - r)).mean(),
    ),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_losses_are_their_formulas(name):
    objective = build_objective(ObjectiveSettings(loss=name), RunClock(4))
    fakes, reals = np.random.default_rng(1).normal(scale=2, size=(2, 7, 1))
    of_discriminator, of_generator = FORMULAS[name]
    logits = tf.constant(np.concatenate([fakes, reals]))
    batch = discriminator_batch(logits=logits)
    terms = objective.discriminator_terms(batch)
    assert float(terms["d_loss"]) == pytest.approx(of_discriminator(fakes, reals), rel=1e-12)
    batch = GeneratorBatch(None, None, None, tf.constant(fakes), tf.constant(reals))
    assert float(objective.generator_terms(batch)["g_loss"]) == pytest.approx(
        of_generator(fakes, reals), rel=1e-12
    )


@pytest.mark.parametrize("name", FORMULAS)
def test_a_step_returns_the_losses_of_its_own_images(name):
    nets = {"discriminator": {"channels": 4, "dropout": 0.0}}
    gan = build_gan(tiny_config(networks=nets, objective={"loss": name, "label_noise": 0.0}))
    rng = np.random.default_rng(0)
    reals, others = (tf.constant(rng.uniform(-1, 1, (4, 32, 32, 3)).astype("float32")) for _ in range(2))
    latents_d, latents_g = (tf.constant(rng.normal(size=(4, 4)).astype("float32")) for _ in range(2))

    def logits(latents, images):
        return gan.discriminator(gan.generator(latents)).numpy(), gan.discriminator(images).numpy()

    of_discriminator, of_generator = FORMULAS[name]
    expected = of_discriminator(*logits(latents_d, reals))
    generator = gan.generator.get_weights()
    losses = gan.train_on_batch(reals, latents_d, latents_g, reals_g=others)
    assert losses["d_loss"] == pytest.approx(expected, rel=1e-5)
    gan.generator.set_weights(generator)  # the discriminator's update comes first
    assert losses["g_loss"] == pytest.approx(of_generator(*logits(latents_g, others)), rel=1e-5)
