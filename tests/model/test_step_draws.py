import itertools

import numpy as np
import pytest
from facegan_tf.model.step_draws import step_draws

from facegan_tf.common import draws
from facegan_tf.common.draws import Stream
from tests.helpers.configs import tiny_config

CONFIG = tiny_config(networks={"latent_dim": 2})  # 4 images a step


def first(count, seed=3, start_step=0, config=CONFIG):
    return list(itertools.islice(step_draws(config, seed, start_step), count))


def test_the_draws_of_a_step_do_not_depend_on_the_step_that_was_started_at():
    for late, same in zip(first(2, start_step=4), first(6)[4:], strict=True):
        for name in ("latents_d", "latents_g", "label_noise"):
            np.testing.assert_array_equal(getattr(late, name), getattr(same, name))


def test_each_draw_comes_from_the_stream_of_its_purpose():
    drawn = first(6)[5]
    np.testing.assert_array_equal(drawn.latents_d, draws.normal(3, 5, Stream.CRITIC_LATENTS, (4, 2)))
    np.testing.assert_array_equal(drawn.latents_g, draws.normal(3, 5, Stream.GENERATOR_LATENTS, (4, 2)))
    np.testing.assert_array_equal(drawn.label_noise, draws.uniform(3, 5, Stream.LABEL_NOISE, (8, 1)))


def test_label_noise_is_uniform_and_differs_for_every_target_and_step():
    noise = np.stack([drawn.label_noise for drawn in first(6)])
    assert noise.shape == (6, 8, 1)
    assert 0 <= noise.min() < 0.2 and 0.8 < noise.max() < 1
    assert len(np.unique(noise)) == noise.size


def test_another_seed_draws_other_numbers():
    for one, other in zip(first(3), first(3, seed=4), strict=True):
        assert all((a != b).numpy().all() for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("reuse", [False, True])
def test_the_generator_gets_the_discriminators_latents_only_if_they_are_reused(reuse):
    config = tiny_config(objective={"reuse_latents": reuse})
    for drawn in first(3, config=config):
        assert (drawn.latents_g == drawn.latents_d).numpy().all() == reuse
