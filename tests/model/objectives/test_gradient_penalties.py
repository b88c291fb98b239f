import keras
import numpy as np
import pytest
import tensorflow as tf

from facegan_tf.model.build import build_gan
from facegan_tf.model.objectives import r1, r2
from tests.helpers.batches import discriminator_batch
from tests.helpers.configs import tiny_config


def batch_of(discriminator, reals, fakes):
    return discriminator_batch(discriminator, reals, fakes)


def quadratic():
    """A discriminator whose logit is the sum of squared pixels times a weight w: its gradient is 2 w x."""

    class SumOfSquares(keras.layers.Layer):
        def build(self, _):
            self.w = self.add_weight(shape=(), initializer=keras.initializers.Constant(3.0))

        def call(self, images):
            return self.w * keras.ops.sum(keras.ops.square(images), axis=(1, 2, 3))[:, None]

    images = keras.Input((4, 4, 3))
    return keras.Model(images, SumOfSquares()(images))


@pytest.mark.parametrize(("module", "of_reals"), [(r1, True), (r2, False)])
def test_penalty_and_its_gradient_are_those_computed_by_hand(module, of_reals):
    net = quadratic()
    rng = np.random.default_rng(0)
    reals, fakes = rng.normal(size=(2, 5, 4, 4, 3)).astype("float32")
    images = reals if of_reals else fakes
    squares = (images.astype("float64") ** 2).sum(axis=(1, 2, 3)).mean()
    with tf.GradientTape() as tape:
        penalty = module.penalty(batch_of(net, tf.constant(reals), tf.constant(fakes)))
    assert float(penalty) == pytest.approx(0.5 * 4 * 3.0**2 * squares, rel=1e-5)
    # Its derivative with respect to w, which needs the gradient's own gradient.
    [slope] = tape.gradient(penalty, [net.trainable_variables[0].value])
    assert float(slope) == pytest.approx(0.5 * 4 * 2 * 3.0 * squares, rel=1e-5)


def test_weights_scale_the_terms_and_both_are_logged_and_learned():
    nets = {"discriminator": {"channels": 4, "dropout": 0.0}}
    plain = build_gan(tiny_config(networks=nets))
    punished = build_gan(tiny_config(networks=nets, objective={"r1": 2.0, "r2": 0.5}))
    rng = np.random.default_rng(0)
    reals = tf.constant(rng.uniform(-1, 1, (4, 32, 32, 3)).astype("float32"))
    latents = tf.constant(rng.normal(size=(4, 4)).astype("float32"))
    net = punished.discriminator
    batch = batch_of(net, reals, punished.generator(latents, training=True))
    expected = {"r1": 2.0 * float(r1.penalty(batch)), "r2": 0.5 * float(r2.penalty(batch))}
    losses = punished.train_on_batch(reals, latents, latents)
    assert list(losses) == ["d_loss", "r1", "r2", "g_loss"]
    assert {name: losses[name] for name in expected} == pytest.approx(expected, rel=1e-5)
    unpunished = plain.train_on_batch(reals, latents, latents)
    assert losses["d_loss"] == pytest.approx(unpunished["d_loss"], rel=1e-5)
    changed = [
        bool((ours.numpy() != theirs.numpy()).any())
        for ours, theirs in zip(net.trainable_variables, plain.discriminator.trainable_variables, strict=True)
    ]
    assert any(changed)
    assert set(punished.objective.curves) == set(losses)


NETS = {"discriminator": {"channels": 4, "dropout": 0.0}}


def first_losses(steps, **objective):
    gan = build_gan(tiny_config(networks=NETS, objective=objective))
    gan.clock.total_steps.assign(4)
    rng = np.random.default_rng(0)
    reals = tf.constant(rng.uniform(-1, 1, (4, 32, 32, 3)).astype("float32"))
    latents = tf.constant(rng.normal(size=(4, 4)).astype("float32"))
    gan.clock.step.assign(steps - 1)
    weights = gan.discriminator.get_weights()
    losses = gan.train_on_batch(reals, latents, latents)
    moved = [now - was for now, was in zip(gan.discriminator.get_weights(), weights, strict=True)]
    return losses, moved


@pytest.mark.parametrize(("step", "gamma"), [(2, 1.5), pytest.param(5, 0.0, marks=pytest.mark.slow)])
def test_gamma_follows_its_schedule(step, gamma):
    schedule = {"from": 2.0, "to": 0.0, "by": "linear"}
    losses, moved = first_losses(step, r1=schedule)
    expected, wanted = first_losses(step, r1=gamma)
    assert losses["r1"] == pytest.approx(expected.get("r1", 0.0), rel=1e-5)
    for mine, theirs in zip(moved, wanted, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("step", [pytest.param(2, marks=pytest.mark.slow), 6])
def test_lazy_penalties_come_every_few_steps_and_count_as_many_times(step):
    losses, moved = first_losses(step, r1=1.0, penalty_every=3)
    is_due = step % 3 == 0
    expected, wanted = first_losses(step, r1=3.0 if is_due else 0.0)
    assert set(losses) == ({"d_loss", "g_loss", "r1"} if is_due else {"d_loss", "g_loss"})
    assert losses == pytest.approx(expected, rel=1e-5)
    for mine, theirs in zip(moved, wanted, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-7)
