import itertools

import numpy as np

from facegan_tf.common import draws
from facegan_tf.common.draws import Stream
from facegan_tf.model import step_draws


def test_the_draws_of_a_step_do_not_depend_on_the_first_step():
    whole = list(itertools.islice(step_draws.of_steps(3, batch_size=4, latent_dim=2), 6))
    late = list(itertools.islice(step_draws.of_steps(3, batch_size=4, latent_dim=2, start_step=4), 2))
    for one, other in zip(late, whole[4:], strict=True):
        for name in ("latents_d", "latents_g", "label_noise"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    np.testing.assert_array_equal(whole[5].latents_g, draws.normal(3, 5, Stream.GENERATOR_LATENTS, (4, 2)))
    noise = np.stack([step.label_noise for step in whole])
    assert noise.shape == (6, 8, 1)
    assert 0 <= noise.min() < 0.2 and 0.8 < noise.max() < 1
    assert len(np.unique(noise)) == noise.size


def test_reused_latents_are_those_of_the_discriminator():
    for step in itertools.islice(step_draws.of_steps(3, batch_size=4, latent_dim=2, reuse_latents=True), 3):
        np.testing.assert_array_equal(step.latents_g, step.latents_d)
    for step in itertools.islice(step_draws.of_steps(3, batch_size=4, latent_dim=2), 3):
        assert (step.latents_g != step.latents_d).numpy().all()
