import numpy as np
import tensorflow as tf

from facegan_tf.common import draws
from facegan_tf.common.draws import Stream


def test_a_draw_depends_only_on_seed_step_and_purpose():
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


def test_uniform_draws_are_tensorflows_and_stay_the_same_under_xla():
    seed = draws.draw_seed(3, 5, Stream.AUGMENT)
    ours = draws.uniform_of_seed(seed, [50, 3]).numpy()
    np.testing.assert_array_equal(ours, tf.random.stateless_uniform([50, 3], seed, alg="philox"))
    np.testing.assert_array_equal(ours, draws.uniform(3, 5, Stream.AUGMENT, [50, 3]))
    compiled = tf.function(lambda: draws.uniform_of_seed(seed, [50, 3]), jit_compile=True)
    np.testing.assert_array_equal(ours, compiled())
    np.testing.assert_array_equal(ours[:7], draws.uniform_of_seed(seed, [7, 3]))


def test_no_two_parts_share_a_seed():
    wholes = [draws.draw_seed(3, step, Stream.AUGMENT) for step in range(20)]
    seeds = [draws.seed_of_part(whole, part) for whole in wholes for part in range(10)]
    assert len({tuple(seed.numpy().tolist()) for seed in seeds}) == 200
    np.testing.assert_array_equal(seeds[0], draws.seed_of_part(wholes[0], 0))
    compiled = tf.function(draws.seed_of_part, jit_compile=True)
    np.testing.assert_array_equal(seeds[1], compiled(wholes[0], 1))


def test_latents_are_standard_normal():
    latents = draws.normal(0, 0, Stream.CRITIC_LATENTS, (20_000,)).numpy()
    assert abs(latents.mean()) < 0.03
    assert abs(latents.std() - 1) < 0.03


def test_the_latents_of_a_seed_do_not_depend_on_other_seeds():
    together = draws.latents_of_seeds(tf.constant([7, 2**62, 0], tf.int64), 5).numpy()
    for row, seed in zip(together, [7, 2**62, 0], strict=True):
        np.testing.assert_array_equal(row, draws.latents_of_seeds(tf.constant([seed], tf.int64), 5)[0])
    assert draws.latents_of_seeds(tf.constant([], tf.int64), 5).shape == (0, 5)
