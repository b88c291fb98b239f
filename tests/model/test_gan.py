import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from facegan_tf.common.errors import InputError
from facegan_tf.model.build import build_gan
from facegan_tf.model.networks import family_module
from facegan_tf.run.checkpoints import Checkpoints
from tests.helpers.configs import tiny_config, tiny_dcgan


def inputs(batch_size, seed=0, size=32, latent_dim=4):
    rng = np.random.default_rng(seed)
    reals = rng.uniform(-1, 1, (batch_size, size, size, 3)).astype("float32")
    latents = rng.normal(size=(2, batch_size, latent_dim)).astype("float32")
    return tf.constant(reals), tf.constant(latents[0]), tf.constant(latents[1])


def no_noise(batch_size):
    """Label noise that leaves the targets as they are."""
    return tf.zeros([2 * batch_size, 1])


def moved(model, before):
    return [bool((a != b).any()) for a, b in zip(model.get_weights(), before, strict=True)]


def check_which_weights_move(gan, batch_size, seed):
    reals, latents_d, latents_g = inputs(batch_size, seed)
    g, d = gan.generator, gan.discriminator
    before_g, before_d = g.trainable_variables, d.trainable_variables
    before_g, before_d = [v.numpy() for v in before_g], [v.numpy() for v in before_d]

    gan.critic.train_on_batch([latents_d, reals], no_noise(batch_size))
    assert all((v.numpy() == b).all() for v, b in zip(g.trainable_variables, before_g, strict=True))
    assert all((v.numpy() != b).any() for v, b in zip(d.trainable_variables, before_d, strict=True))

    before_d = [v.numpy() for v in d.trainable_variables]
    gan.combined.train_on_batch(latents_g)
    assert all((v.numpy() != b).any() for v, b in zip(g.trainable_variables, before_g, strict=True))
    assert all((v.numpy() == b).all() for v, b in zip(d.trainable_variables, before_d, strict=True))


@pytest.mark.parametrize(
    "config",
    [
        pytest.param(tiny_config(), id="deepconv", marks=pytest.mark.slow),
        pytest.param(tiny_dcgan(), id="dcgan"),
    ],
)
def test_each_step_moves_the_weights_of_its_own_net_and_no_others(config, tmp_path):
    gan = build_gan(config)
    for seed, batch_size in enumerate([4, 6, 4]):
        check_which_weights_move(gan, batch_size, seed)
    Checkpoints(gan, tmp_path).save()
    restored = build_gan(config)
    Checkpoints(restored, tmp_path).restore()
    for seed, batch_size in enumerate([6]):
        check_which_weights_move(restored, batch_size, seed)


def test_the_frozen_discriminator_still_normalises_by_batch_in_the_generators_step():
    # As in the PyTorch sources, whose discriminator stays in training mode: its averages move.
    gan = build_gan(tiny_dcgan())
    averages = [v for v in gan.discriminator.non_trainable_variables if "moving" in v.path]
    before = [v.numpy() for v in averages]
    _, _, latents = inputs(8)
    gan.combined.train_on_batch(latents)
    assert all((v.numpy() != b).any() for v, b in zip(averages, before, strict=True))


def test_the_discriminator_learns_to_tell_reals_from_fakes():
    gan = build_gan(tiny_config(objective={"label_noise": 0.0}))
    reals, latents, _ = inputs(16)
    reals = tf.abs(reals)  # bright, so they differ clearly from the grey of an untrained generator
    for _ in range(60):
        gan.critic.train_on_batch([latents, reals], no_noise(16))
    # This config's labels are swapped: real is 0, so reals get negative logits.
    assert (
        gan.discriminator(reals).numpy().max() < 0 < gan.discriminator(gan.generator(latents)).numpy().min()
    )


def test_the_generator_learns_to_fool_the_discriminator():
    gan = build_gan(tiny_config(networks={"discriminator": {"channels": 4, "dropout": 0.0}}))
    _, _, latents = inputs(16)
    before = gan.combined(latents).numpy().mean()
    for _ in range(60):
        gan.combined.train_on_batch(latents)
    # Its target is 0, the label of reals, so the logits of its fakes fall.
    assert gan.combined(latents).numpy().mean() < before - 0.3


def test_losses_match_a_computation_by_hand_for_this_batch():
    gan = build_gan(tiny_config(networks={"discriminator": {"channels": 4, "dropout": 0.0}}))

    def cross_entropy(logits, targets):
        p = 1 / (1 + np.exp(-logits.astype(np.float64)))
        return -(targets * np.log(p) + (1 - targets) * np.log1p(-p)).mean()

    for step in range(3):
        reals, latents_d, latents_g = inputs(5, seed=step)
        fakes_then_reals = tf.concat([gan.generator(latents_d), reals], axis=0)
        noise = np.random.default_rng(step).uniform(size=(10, 1)).astype("float32")
        targets = np.array([[1.0]] * 5 + [[0.0]] * 5) + 0.05 * noise
        expected = cross_entropy(gan.discriminator(fakes_then_reals).numpy(), targets)
        losses = gan.train_on_batch(reals, latents_d, latents_g, noise)
        assert losses["d_loss"] == pytest.approx(expected, rel=1e-5)
    # The generator's step comes second, so its loss uses the discriminator's new weights.
    reals, latents_d, latents_g = inputs(5, seed=9)
    before = gan.generator.get_weights()
    losses = gan.train_on_batch(reals, latents_d, latents_g)
    gan.generator.set_weights(before)
    expected = cross_entropy(gan.discriminator(gan.generator(latents_g)).numpy(), 0.0)
    assert losses["g_loss"] == pytest.approx(expected, rel=1e-5)


def without_dropout(config):
    """The same config with every dropout at 0, so that a step can be computed twice."""
    settings = config.model_dump()
    for net in ("generator", "discriminator"):
        settings["networks"][net]["dropout"] = 0.0
    return type(config).model_validate(settings)


def split_step_by_hand(gan, reals, latents):
    """The discriminator's loss, gradients and averages, computed as in the PyTorch code of the sources."""
    fakes = gan.generator(latents, training=True)
    with tf.GradientTape() as tape:
        real_loss = keras.ops.mean(
            keras.ops.binary_crossentropy([[0.9]] * len(reals), gan.discriminator(reals, training=True), True)
        )
        fake_loss = keras.ops.mean(
            keras.ops.binary_crossentropy([[0.0]] * len(fakes), gan.discriminator(fakes, training=True), True)
        )
        loss = real_loss + fake_loss
    gradients = tape.gradient(loss, [v.value for v in gan.discriminator.trainable_variables])
    averages = [v.numpy() for v in gan.discriminator.non_trainable_variables if "moving" in v.path]
    return float(loss), [gradient.numpy() for gradient in gradients], averages


def test_a_split_critic_sums_both_losses_and_keeps_batch_statistics_apart():
    config = without_dropout(tiny_dcgan())
    gan, by_hand = build_gan(config), build_gan(config)
    reals, latents, _ = inputs(6)
    before = [v.numpy() for v in gan.discriminator.trainable_variables]
    loss, gradients, averages = split_step_by_hand(by_hand, reals, latents)
    losses = gan.critic.train_on_batch([latents, reals], no_noise(6), return_dict=True)
    assert losses["d_loss"] == pytest.approx(loss, rel=1e-5)
    rate = config.optimizers.discriminator.learning_rate
    for weight, old, gradient in zip(gan.discriminator.trainable_variables, before, gradients, strict=True):
        np.testing.assert_allclose(old - weight.numpy(), rate * gradient, rtol=1e-3, atol=1e-7)
    # The averages are updated with the reals first, then with the fakes.
    kept = [v.numpy() for v in gan.discriminator.non_trainable_variables if "moving" in v.path]
    for ours, expected in zip(kept, averages, strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-7)


def test_a_joint_critic_normalises_reals_and_fakes_together():
    config = without_dropout(tiny_dcgan())
    joint = config.model_copy(update={"objective": config.objective.model_copy(update={"batching": "joint"})})
    gan, by_hand = build_gan(joint), build_gan(joint)
    reals, latents, _ = inputs(6)
    together = tf.concat([by_hand.generator(latents, training=True), reals], axis=0)
    logits = by_hand.discriminator(together, training=True)
    targets = np.repeat(np.float32([[0.0], [0.9]]), 6, axis=0)
    expected = keras.ops.mean(keras.ops.binary_crossentropy(targets, logits, from_logits=True))
    losses = gan.critic.train_on_batch([latents, reals], no_noise(6), return_dict=True)
    assert losses["d_loss"] == pytest.approx(float(expected), rel=1e-5)


def test_each_net_has_its_own_optimizer():
    gan = build_gan(tiny_dcgan())
    discriminators, generators = gan.critic.optimizer, gan.combined.optimizer
    assert (type(discriminators).__name__, discriminators.momentum) == ("SGD", 0.9)
    assert float(discriminators.learning_rate.numpy()) == pytest.approx(1e-2)
    assert (type(generators).__name__, generators.beta_1) == ("Adam", 0.5)
    assert float(generators.learning_rate.numpy()) == pytest.approx(1e-3)


def test_steps_are_counted_by_a_variable_of_the_gans_own():
    gan = build_gan(tiny_config())
    for done in range(3):
        assert gan.steps_done == done
        gan.train_on_batch(*inputs(4, seed=done))
    gan.critic.optimizer.iterations.assign(7)
    gan.combined.optimizer.iterations.assign(8)
    assert gan.steps_done == 3
    gan.state()["step"].assign(5)
    assert gan.steps_done == 5


def test_faces_are_drawn_by_the_generator():
    gan = build_gan(tiny_config())
    assert gan.sampler is gan.generator


@pytest.mark.parametrize("reals", ["0..255", "nan"])
def test_reals_out_of_range_are_refused_before_anything_is_trained(reals):
    gan = build_gan(tiny_config())
    good, latents_d, latents_g = inputs(4)
    bad = (good + 1) * 127.5 if reals == "0..255" else good * np.nan
    before = gan.discriminator.get_weights()
    with pytest.raises(ValueError, match=r"\[-1, 1\]"):
        gan.train_on_batch(bad, latents_d, latents_g)
    assert not any(moved(gan.discriminator, before))
    assert gan.steps_done == 0


def test_the_same_config_builds_the_same_weights_and_another_seed_others():
    one, same = build_gan(tiny_config()), build_gan(tiny_config())
    other = build_gan(tiny_config().model_copy(update={"seed": 1}))
    for name in ("generator", "discriminator"):
        assert not any(moved(getattr(one, name), getattr(same, name).get_weights()))
        changed = moved(getattr(one, name), getattr(other, name).get_weights())
        kernels = [weights.ndim > 1 for weights in getattr(one, name).get_weights()]
        assert all(itertools.compress(changed, kernels))


@pytest.mark.slow
def test_compiled_by_xla_a_step_is_the_same():
    plain = build_gan(tiny_config(networks={"discriminator": {"channels": 4, "dropout": 0.0}}))
    jit = build_gan(
        tiny_config(networks={"discriminator": {"channels": 4, "dropout": 0.0}}, training={"jit": True})
    )
    for step in range(2):
        losses = [gan.train_on_batch(*inputs(4, seed=step)) for gan in (plain, jit)]
        assert losses[0] == pytest.approx(losses[1], rel=1e-4)


def test_nets_that_do_not_fit_into_memory_are_an_input_error(monkeypatch):
    # Stands in for TensorFlow, which retries the allocation for ten seconds.
    def build_generator(*_):
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")

    monkeypatch.setattr(family_module("deepconv"), "build_generator", build_generator)
    with pytest.raises(InputError) as caught:
        build_gan(tiny_config())
    assert caught.value.name == "networks"


def critic_steps_config(critic_steps, loss="bce"):
    config = without_dropout(tiny_dcgan(training={"critic_steps": critic_steps}))
    objective = config.objective.model_copy(update={"loss": loss})
    return config.model_copy(update={"objective": objective})


@pytest.mark.parametrize("loss", ["bce", "relativistic"])
def test_each_update_of_the_discriminator_sees_its_own_part_of_the_step(loss):
    gan, by_hand = (build_gan(critic_steps_config(count, loss)) for count in (3, 1))
    reals, latents_d, _ = inputs(12)
    _, latents_g, _ = inputs(4, seed=1)
    noise = tf.random.stateless_uniform([24, 1], [1, 2])
    losses = gan.train_on_batch(reals, latents_d, latents_g, noise)
    for part in range(3):
        own, noises = slice(4 * part, 4 * part + 4), slice(8 * part, 8 * part + 8)
        expected = by_hand.critic.train_on_batch(
            [latents_d[own], reals[own]], noise[noises], return_dict=True
        )
    given = [latents_g, reals[8:]][: len(by_hand.combined.inputs)]  # the last reals, if none are given
    expected |= by_hand.combined.train_on_batch(given, return_dict=True)
    assert losses == pytest.approx(expected, rel=1e-6)
    for name in ("generator", "discriminator"):
        for mine, theirs in zip(*(getattr(each, name).get_weights() for each in (gan, by_hand)), strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-7)
    assert gan.steps_done == 1
    assert int(gan.critic.optimizer.iterations) == 3
    assert int(gan.combined.optimizer.iterations) == 1
    assert int(gan.clock.images_seen()) == 12
