"""The inputs of each step: images and draws."""

import hashlib
import itertools

import numpy as np
import pytest

from facegan_tf.common import draws
from facegan_tf.common.draws import Stream
from facegan_tf.common.share import Share
from facegan_tf.data.store import FaceStore
from facegan_tf.data.training_set import TrainingSet
from facegan_tf.model.build import build_gan
from facegan_tf.training.inputs import step_inputs
from tests.helpers.configs import tiny_config


@pytest.fixture(scope="module")
def store(store_folder):
    return FaceStore.open(store_folder)


def inputs_of(store, config, seed=3, start_step=0):
    gan = build_gan(config)
    gan.clock.step.assign(start_step)
    return step_inputs(gan, TrainingSet.of(config, store), seed)


def first(count, store, seed=3, start_step=0, **blocks):
    config = tiny_config(**({"networks": {"latent_dim": 2}} | blocks))  # 4 images a step
    return list(itertools.islice(inputs_of(store, config, seed, start_step), count))


def numbers(batch):
    """The number in `make_store` of each image of a batch."""
    return np.rint((np.asarray(batch)[:, 0, 0, 0] + 1) * 127.5).astype(int).tolist()


RELATIVISTIC = {
    "objective": {"loss": "relativistic", "real_target": 1.0, "fake_target": 0.0, "label_noise": 0.0}
}


@pytest.mark.parametrize("blocks", [{}, RELATIVISTIC, {"training": {"critic_steps": 3}}])
def test_the_inputs_of_a_step_do_not_depend_on_the_step_that_was_started_at(store, blocks):
    for late, same in zip(
        first(2, store, start_step=4, **blocks), first(6, store, **blocks)[4:], strict=True
    ):
        for name, value in same._asdict().items():
            np.testing.assert_array_equal(getattr(late, name), value)


def test_each_draw_comes_from_the_stream_of_its_purpose(store):
    drawn = first(6, store)[5]
    np.testing.assert_array_equal(drawn.latents_d, draws.normal(3, 5, Stream.CRITIC_LATENTS, (4, 2)))
    np.testing.assert_array_equal(drawn.latents_g, draws.normal(3, 5, Stream.GENERATOR_LATENTS, (4, 2)))
    np.testing.assert_array_equal(drawn.label_noise, draws.uniform(3, 5, Stream.LABEL_NOISE, (8, 1)))


def test_label_noise_is_uniform_and_differs_for_every_target_and_step(store):
    noise = np.stack([drawn.label_noise for drawn in first(6, store)])
    assert noise.shape == (6, 8, 1)
    assert 0 <= noise.min() < 0.2 and 0.8 < noise.max() < 1
    assert len(np.unique(noise)) == noise.size


def test_another_seed_draws_other_numbers_for_the_same_images(store):
    for one, other in zip(first(3, store), first(3, store, seed=4), strict=True):
        for name in ("latents_d", "latents_g", "label_noise"):
            assert (getattr(one, name) != getattr(other, name)).numpy().all()
        assert numbers(one.reals) == numbers(other.reals)


@pytest.mark.parametrize("reuse", [False, True])
@pytest.mark.parametrize("critic_steps", [1, 2])
def test_the_generator_gets_the_discriminators_last_latents_only_if_they_are_reused(
    store, reuse, critic_steps
):
    blocks = {"objective": {"reuse_latents": reuse}, "training": {"critic_steps": critic_steps}}
    for drawn in first(3, store, **blocks):
        assert drawn.latents_g.shape == (4, 2)
        assert (drawn.latents_g == drawn.latents_d[-4:]).numpy().all() == reuse


def test_each_update_of_the_discriminator_has_inputs_of_its_own(store):
    steps = first(2, store, training={"critic_steps": 3})
    for drawn in steps:
        assert [part.shape[0] for part in drawn] == [12, 12, 4, 24, 4]
        assert len(np.unique(drawn.latents_d)) == drawn.latents_d.shape.num_elements()
    # 24 images, 3 times 4 a step: two steps are an epoch, in which every image comes once.
    assert sorted(numbers(steps[0].reals) + numbers(steps[1].reals)) == list(range(24))


def test_a_loss_that_sees_no_reals_needs_none_for_the_generator(store):
    for drawn in first(3, store, training={"critic_steps": 2}):
        assert numbers(drawn.reals_g) == numbers(drawn.reals)[-4:]


def test_a_loss_that_compares_fakes_with_reals_has_other_reals_for_the_generator(store):
    steps = first(6, store, **RELATIVISTIC)
    ours = [number for drawn in steps for number in numbers(drawn.reals)]
    theirs = [number for drawn in steps for number in numbers(drawn.reals_g)]
    assert sorted(ours) == sorted(theirs) == list(range(24))  # an epoch each
    assert sum(one == other for one, other in zip(ours, theirs, strict=True)) < 6
    limited = first(3, store, data={"limit": 8}, **RELATIVISTIC)
    assert {number for drawn in limited for number in numbers(drawn.reals_g)} == set(range(8))


@pytest.mark.parametrize("blocks", [{}, RELATIVISTIC, {"training": {"critic_steps": 3}}])
@pytest.mark.parametrize("of", [2, pytest.param(4, marks=pytest.mark.slow)])
def test_all_shares_together_are_the_batch_of_one_device(store, blocks, of):
    blocks = {"data": {"flip": True}} | blocks
    config = tiny_config(**({"networks": {"latent_dim": 2}} | blocks))
    gan, parts = build_gan(config), config.training.critic_steps
    images = TrainingSet.of(config, store)
    # Two processes with an equal part of the shares each.
    shares = [[Share(number, of) for number in part] for part in np.split(np.arange(of), 2)]
    processes = [iter(step_inputs(gan, images, 3, own)) for own in shares]
    for whole in itertools.islice(step_inputs(gan, images, 3), 3):
        slices = [next(process) for process in processes for _ in range(of // 2)]
        for name, batches in zip(whole._fields, (parts, parts, 1, 2 * parts, 1), strict=True):
            wanted = np.asarray(getattr(whole, name))
            by_batch = [
                np.split(np.asarray(getattr(one, name)), batches) for one in slices
            ]  # each share has its places in each of these batches
            found = np.concatenate([np.concatenate(batch) for batch in zip(*by_batch, strict=True)])
            assert hashlib.sha256(found.tobytes()).hexdigest() == hashlib.sha256(wanted.tobytes()).hexdigest()


def test_datasets_are_not_tuned_while_they_run(store):
    # It sleeps for up to a minute, and the end of a loop would wait for it to wake up.
    for dataset in (TrainingSet(store, 4, 0).batches(), inputs_of(store, tiny_config())):
        assert dataset.options().autotune.enabled is False
