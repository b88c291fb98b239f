import itertools

import numpy as np
import tensorflow as tf

from facegan_tf.common import draws
from facegan_tf.common.draws import Stream


def test_a_draw_depends_on_seed_step_and_purpose_alone():
    again = [draws.normal(3, 5, Stream.CRITIC_LATENTS, (4, 2)).numpy() for _ in range(2)]
    np.testing.assert_array_equal(*again)
    others = [
        draws.normal(4, 5, Stream.CRITIC_LATENTS, (4, 2)),
        draws.normal(3, 6, Stream.CRITIC_LATENTS, (4, 2)),
        draws.normal(3, 5, Stream.GENERATOR_LATENTS, (4, 2)),
    ]
    for other in others:
        assert not np.isin(other.numpy(), again[0]).any()


def test_no_two_steps_and_purposes_share_a_seed():
    seeds = {
        tuple(draws.draw_seed(1, step, stream).numpy().tolist()) for step in range(200) for stream in Stream
    }
    assert len(seeds) == 200 * len(Stream)


def test_latents_are_standard_normal():
    latents = draws.normal(0, 0, Stream.CRITIC_LATENTS, (20_000,)).numpy()
    assert abs(latents.mean()) < 0.03
    assert abs(latents.std() - 1) < 0.03


def test_the_latent_of_a_seed_does_not_depend_on_its_neighbours():
    together = draws.latents_of_seeds(tf.constant([7, 2**62, 0], tf.int64), 5).numpy()
    for row, seed in zip(together, [7, 2**62, 0], strict=True):
        np.testing.assert_array_equal(row, draws.latents_of_seeds(tf.constant([seed], tf.int64), 5)[0])
    assert draws.latents_of_seeds(tf.constant([], tf.int64), 5).shape == (0, 5)


def test_the_draws_of_a_step_are_the_same_wherever_the_stream_begins():
    whole = list(itertools.islice(draws.of_steps(3, batch_size=4, latent_dim=2), 6))
    late = list(itertools.islice(draws.of_steps(3, batch_size=4, latent_dim=2, start_step=4), 2))
    for one, other in zip(late, whole[4:], strict=True):
        for name in ("latents_d", "latents_g", "label_noise"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    np.testing.assert_array_equal(whole[5].latents_g, draws.normal(3, 5, Stream.GENERATOR_LATENTS, (4, 2)))
    noise = np.stack([step.label_noise for step in whole])
    assert noise.shape == (6, 8, 1)
    assert 0 <= noise.min() < 0.2 and 0.8 < noise.max() < 1
    assert len(np.unique(noise)) == noise.size


def test_latents_that_are_reused_are_the_discriminators_own():
    for step in itertools.islice(draws.of_steps(3, batch_size=4, latent_dim=2, reuse_latents=True), 3):
        np.testing.assert_array_equal(step.latents_g, step.latents_d)
    for step in itertools.islice(draws.of_steps(3, batch_size=4, latent_dim=2), 3):
        assert (step.latents_g != step.latents_d).numpy().all()
