import pytest
import tensorflow as tf

from facegan_tf.model.build import build_gan
from facegan_tf.model.costs import (
    OVERHEAD_BYTES,
    activation_bytes,
    forward_flops,
    largest_batch,
    step_costs,
)
from facegan_tf.model.state import state_bytes
from tests.helpers.configs import tiny_config


def tensorflow_counts(function, *specs):
    """FLOPs as TensorFlow's own profiler counts them, operation by operation."""
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    frozen = convert_variables_to_constants_v2(tf.function(function).get_concrete_function(*specs))
    options = tf.compat.v1.profiler.ProfileOptionBuilder.float_operation()
    options["output"] = "none"
    return tf.compat.v1.profiler.profile(frozen.graph, options=options).total_float_ops


@pytest.fixture(scope="module")
def gan():
    # Wide enough that biases and activations, which are not counted, matter little.
    wide = {"generator": {"stem_channels": 16, "body_channels": 32, "head_channels": 32}}
    return build_gan(tiny_config(networks=wide | {"discriminator": {"channels": 32, "dropout": 0.4}}))


def test_forward_flops_match_tensorflows_own_count(gan):
    for model in (gan.generator, gan.discriminator):
        spec = tf.TensorSpec([1, *model.input_shape[1:]], tf.float32)
        counted = tensorflow_counts(lambda x, model=model: model(x, training=False), spec)
        assert forward_flops(model) == pytest.approx(counted, rel=0.05)
        assert forward_flops(model) <= counted


def test_activations_are_counted_by_hand(gan):
    discriminator_values = (
        32 * 32 * 3  # input
        + 2 * (30 * 30 * 32 + 14 * 14 * 32 + 6 * 6 * 32)  # convolutions and their activations
        + 2 * 1152  # flattened and dropped out
        + 1
    )
    assert activation_bytes(gan.discriminator) == 4 * discriminator_values


def test_a_step_costs_in_proportion_to_its_batch(gan):
    one, two = step_costs(gan, 1), step_costs(gan, 2)
    assert two.flops == 2 * one.flops
    generator, discriminator = forward_flops(gan.generator), forward_flops(gan.discriminator)
    assert one.flops == 4 * generator + 8 * discriminator
    weights = gan.generator.count_params() + gan.discriminator.count_params()
    # What does not grow with the batch: the state, a gradient for each weight, and the overhead.
    assert 2 * one.memory_bytes - two.memory_bytes == state_bytes(gan) + 4 * weights + OVERHEAD_BYTES


def test_the_largest_batch_fits_and_one_more_image_does_not(gan):
    for size in (1, 7, 1000):
        memory = step_costs(gan, size).memory_bytes
        assert largest_batch(gan, memory) == size
        assert largest_batch(gan, memory - 1) == size - 1
    assert largest_batch(gan, 0) == 0
