"""How far a run has come, and what schedules are worth there."""

import numpy as np
import pytest
import tensorflow as tf

from facegan_tf.config.augment import AugmentSettings
from facegan_tf.config.schedule import Schedule
from facegan_tf.model.build import build_gan
from facegan_tf.model.compiled_steps import CompiledSteps
from facegan_tf.model.gan import GAN
from facegan_tf.model.run_clock import RunClock
from facegan_tf.model.step_inputs import StepInputs
from tests.helpers.configs import modern_config, tiny_dcgan
from tests.parity.modern.package_side import in_float64
from tests.parity.package_run import precision


def expected(share, by, start=2e-4, end=5e-5):
    share = np.minimum(share, 1.0)
    if by == "cosine":
        share = (1 - np.cos(np.pi * share)) / 2
    return start + (end - start) * share


def values(clock, schedule, steps):
    found = []
    for step in steps:
        clock.step.assign(step)
        found.append(float(clock.value_of(schedule)))
    return found


@pytest.mark.parametrize("by", ["linear", "cosine"])
@pytest.mark.parametrize("ends", [(2e-4, 5e-5), (0.0, 10.0)])
def test_a_schedule_over_images_is_at_its_start_middle_and_end_where_they_are_seen(by, ends):
    schedule = Schedule(**{"from": ends[0], "to": ends[1], "by": by, "images": 80})
    steps = np.array([0, 1, 5, 9, 10, 11, 1000])  # of 8 images
    found = values(RunClock(8), schedule, steps)
    assert found == pytest.approx(expected(steps / 10, by, *ends), rel=1e-6, abs=1e-12)
    assert found[0] == np.float32(ends[0])
    assert found[2] == pytest.approx(sum(ends) / 2)
    assert found[4:] == [np.float32(ends[1])] * 3


@pytest.mark.parametrize("by", ["linear", "cosine"])
@pytest.mark.parametrize("images_per_step", [1, 8])
def test_a_schedule_over_the_run_ends_with_it_whatever_the_batch(by, images_per_step):
    clock = RunClock(images_per_step)
    clock.total_steps.assign(4)
    schedule = Schedule(**{"from": 2e-4, "to": 5e-5, "by": by})
    steps = np.arange(6)
    assert values(clock, schedule, steps) == pytest.approx(expected(steps / 4, by), rel=1e-6)


def test_a_schedule_over_images_does_not_depend_on_the_runs_length():
    schedule = Schedule(**{"from": 1.0, "to": 0.0, "images": 80})
    clock = RunClock(8)
    before = values(clock, schedule, range(12))
    clock.total_steps.assign(4)
    assert values(clock, schedule, range(12)) == before


def test_a_constant_is_itself():
    assert RunClock(8).value_of(0.1) == 0.1


def test_images_are_counted_as_steps_times_their_images():
    clock = RunClock(12)
    clock.step.assign(2**31)  # more than fits into 32 bits
    assert int(clock.images_seen()) == 12 * 2**31


GENERATOR = {"stem": "dense", "channels": [6, 4]}


def losses_of_five_steps(dtype):
    """The losses of a GAN whose settings are all schedules, and its moving average's weights at the end."""
    adam = modern_config().optimizers.generator.model_dump(mode="json")
    # With the usual epsilon, Adam turns the rounding of a gradient near 0 into a whole step.
    adam["epsilon"] = 0.1
    config = modern_config(
        optimizers={"discriminator": adam, "generator": adam},
        objective={"penalty_every": 1},
        networks={"discriminator": {"channels": [4, 6], "head": "dense"}, "generator": GENERATOR},
    )
    fading = AugmentSettings.model_validate({"kinds": ["colour"], "strength": {"from": 1.0, "to": 0.5}})
    rng = np.random.default_rng(0)
    built = build_gan(config.model_copy(update={"augment": fading}))
    nets = (built.generator, built.discriminator, built.average)
    with precision(dtype):
        copies = [in_float64(net) for net in nets] if dtype == "float64" else nets
        for copy, net in zip(copies, nets, strict=True):
            copy.set_weights(net.get_weights())
        gan = GAN(copies[0], copies[1], built.config, copies[2])
        losses = []
        for _ in range(5):
            reals = tf.constant(rng.uniform(-1, 1, (4, 32, 32, 3)), dtype)
            latents = tf.constant(rng.normal(size=(4, 4)), dtype)
            losses.append(gan.train_on_batch(reals, latents, latents))
    return losses, gan.average.get_weights()


@pytest.mark.slow
def test_a_gan_in_float64_follows_every_schedule():
    (losses, average), (wanted, near) = (losses_of_five_steps(dtype) for dtype in ("float64", "float32"))
    for mine, theirs in zip(losses, wanted, strict=True):
        assert mine == pytest.approx(theirs, rel=1e-3)
    for mine, theirs in zip(average, near, strict=True):
        assert mine.dtype == np.float64
        np.testing.assert_allclose(mine, theirs, atol=1e-5)


def batch():
    return [tf.zeros([4, 32, 32, 3]), tf.zeros([4, 4]), tf.zeros([4, 4])]


@pytest.mark.parametrize(
    ("length", "steps"),
    [
        ({"steps": 5}, 5),
        ({"steps": None, "images": 18}, 5),
        ({"steps": None, "images": 41, "critic_steps": 2}, 6),
    ],
)
def test_a_gan_knows_its_runs_length_from_the_config(length, steps):
    gan = build_gan(modern_config(training=length))
    assert int(gan.clock.total_steps) == steps


def test_a_step_by_hand_is_refused_if_a_schedule_needs_a_length_that_is_not_known():
    gan = build_gan(modern_config(training={"steps": None, "epochs": 2.0}))
    before = gan.discriminator.get_weights()
    inputs = StepInputs(*batch(), tf.zeros([8, 1]), tf.zeros([4, 32, 32, 3]))
    for step in (lambda: gan.train_on_batch(*batch()), lambda: CompiledSteps(gan, iter([inputs]))(1)):
        with pytest.raises(ValueError, match=r"training\.epochs") as caught:
            step()
        for words in (
            *("objective.r1", "optimizers.generator.learning_rate", "training.ema_half_life"),
            *("training.steps", "training.images", "`images`"),
        ):
            assert words in str(caught.value)
        assert "beta2" not in str(caught.value)  # its schedule has a length of its own
    for mine, theirs in zip(gan.discriminator.get_weights(), before, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    gan.clock.total_steps.assign(6)
    gan.train_on_batch(*batch())
    assert gan.steps_done == 1


def test_a_length_that_no_schedule_needs_may_be_unknown():
    gan = build_gan(tiny_dcgan(training={"steps": None, "epochs": 2.0}))
    gan.train_on_batch(*batch())
    assert gan.steps_done == 1
