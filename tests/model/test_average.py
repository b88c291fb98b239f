"""The generator's moving average as a part of the GAN."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from facegan_tf.config.settings import Config
from facegan_tf.model.build import build_gan
from facegan_tf.model.ema import RAMP
from facegan_tf.model.state import state_bytes, weights_sha256
from facegan_tf.run.checkpoints import Checkpoints
from facegan_tf.serving.generator import FaceGenerator
from tests.helpers.configs import tiny_dcgan


def batch(seed=0, count=4):
    rng = np.random.default_rng(seed)
    reals = rng.uniform(-1, 1, (count, 32, 32, 3)).astype("float32")
    return [tf.constant(each) for each in (reals, *rng.normal(size=(2, count, 4)).astype("float32"))]


def averaged(half_life=8.0, **training):
    return build_gan(tiny_dcgan(training={"ema_half_life": half_life, **training}))


def floats(net):
    return [v.numpy() for v in net.variables if v.dtype == "float32"]


def test_at_first_the_average_is_the_generator():
    gan = averaged()
    assert gan.sampler is gan.average is not gan.generator
    for mine, theirs in zip(gan.average.get_weights(), gan.generator.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_each_step_moves_the_average_towards_the_new_generator_by_its_images():
    gan = averaged(half_life=3.0)
    for step in range(1, 4):
        old = floats(gan.average)
        gan.train_on_batch(*batch(step))
        keep = 0.5 ** (4 / min(3.0, RAMP * 4 * step))
        for was, new, mine in zip(old, floats(gan.generator), floats(gan.average), strict=True):
            np.testing.assert_allclose(mine, keep * was + (1 - keep) * new, rtol=1e-5, atol=1e-6)


def test_the_images_of_all_updates_of_the_discriminator_count():
    gan = averaged(half_life=8.0, critic_steps=3)
    rng = np.random.default_rng(0)
    gan.clock.step.assign(1000)  # far beyond the ramp
    old = floats(gan.average)
    reals, latents, _ = batch(count=12)
    gan.train_on_batch(reals, latents, tf.constant(rng.normal(size=(4, 4)).astype("float32")))
    keep = 0.5 ** (12 / 8.0)
    for was, new, mine in zip(old, floats(gan.generator), floats(gan.average), strict=True):
        np.testing.assert_allclose(mine, keep * was + (1 - keep) * new, rtol=1e-5, atol=1e-6)


def test_a_scheduled_half_life_is_that_of_the_step():
    gan = averaged(half_life={"from": 2.0, "to": 64.0, "by": "linear", "images": 40_000})
    for step, half_life in [(0, 2.0), (5000, 33.0), (10_000, 64.0), (20_000, 64.0)]:
        gan.clock.step.assign(step)
        old = floats(gan.average)
        gan.train_on_batch(*batch(step))
        keep = 0.5 ** (4 / min(half_life, RAMP * 4 * (step + 1)))
        for was, new, mine in zip(old, floats(gan.generator), floats(gan.average), strict=True):
            np.testing.assert_allclose(mine, keep * was + (1 - keep) * new, rtol=1e-5, atol=1e-6)


@pytest.fixture(scope="module")
def gan():
    """After 3 steps; the average is not the generator."""
    gan = averaged(half_life=64.0)
    gan.clock.step.assign(1000)
    for step in range(3):
        gan.train_on_batch(*batch(step))
    return gan


def test_faces_are_drawn_with_the_averaged_weights(gan):
    seeds = range(6)
    drawn = FaceGenerator.of(gan).sample(seeds)
    plain = build_gan(tiny_dcgan())
    plain.generator.set_weights(gan.generator.get_weights())
    raw = FaceGenerator.of(plain).sample(seeds)
    assert (drawn != raw).any(axis=(1, 2, 3)).all()
    plain.generator.set_weights(gan.average.get_weights())
    np.testing.assert_array_equal(drawn, FaceGenerator.of(plain).sample(seeds))


def test_state_hash_size_and_checkpoints_include_the_average(gan, tmp_path):
    state = gan.state()
    assert state["average"] is gan.average
    assert "average_seeds" in state
    Checkpoints(gan, tmp_path).save()
    restored = averaged(half_life=64.0)
    before = weights_sha256(restored)
    Checkpoints(restored, tmp_path).restore()
    assert weights_sha256(restored) == weights_sha256(gan) != before
    for mine, theirs in zip(restored.average.variables, gan.average.variables, strict=True):
        np.testing.assert_array_equal(mine.numpy(), theirs.numpy())
    changed = [array + 1 for array in restored.average.get_weights()]
    restored.average.set_weights(changed)
    assert weights_sha256(restored) != weights_sha256(gan)
    plain = build_gan(tiny_dcgan())
    one_more = sum(v.numpy().nbytes for v in gan.average.variables)
    assert state_bytes(gan) == state_bytes(plain) + one_more


def test_the_average_is_never_trained_itself(gan):
    learned = {id(v) for model in (gan.critic, gan.combined) for v in model.trainable_variables}
    assert not learned & {id(v) for v in gan.average.variables}


def test_an_average_changes_nothing_of_the_training(gan):
    with_average, without = averaged(), build_gan(tiny_dcgan())
    for step in range(2):
        assert with_average.train_on_batch(*batch(step)) == without.train_on_batch(*batch(step))
    for name in ("generator", "discriminator"):
        nets = getattr(with_average, name), getattr(without, name)
        for mine, theirs in zip(*(net.get_weights() for net in nets), strict=True):
            np.testing.assert_array_equal(mine, theirs)


def test_without_a_half_life_there_is_no_average():
    gan = build_gan(tiny_dcgan())
    assert isinstance(gan.config, Config) and gan.config.training.ema_half_life is None
    assert gan.average is None
    assert gan.sampler is gan.generator
    assert [name for name, part in gan.state().items() if isinstance(part, keras.Model)] == [
        "generator",
        "discriminator",
    ]
    assert not any("average" in name for name in gan.state())
