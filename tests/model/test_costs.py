import pytest
import tensorflow as tf

from facegan_tf.model.build import build_gan
from facegan_tf.model.costs import (
    OVERHEAD_BYTES,
    activation_bytes,
    forward_flops,
    largest_batch,
    layer_flops,
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


def wide(**blocks):
    """A GAN wide enough that biases and activations, whose FLOPs are not counted, matter little."""
    generator = {"stem_channels": 16, "body_channels": 32, "head_channels": 32}
    networks = {"generator": generator, "discriminator": {"channels": 32, "dropout": 0.4}}
    return build_gan(tiny_config(networks=networks, **blocks))


@pytest.fixture(scope="module")
def gan():
    return wide()


def test_forward_flops_match_tensorflows_own_count(gan):
    for model in (gan.generator, gan.discriminator):
        spec = tf.TensorSpec([1, *model.input_shape[1:]], tf.float32)
        counted = tensorflow_counts(lambda x, model=model: model(x, training=False), spec)
        assert forward_flops(model) == pytest.approx(counted, rel=0.05)
        assert forward_flops(model) <= counted


DISCRIMINATOR_VALUES = (
    32 * 32 * 3  # input
    + 2 * (30 * 30 * 32 + 14 * 14 * 32 + 6 * 6 * 32)  # convolutions and their activations
    + 2 * 1152  # flattened and dropped out
    + 1
)


def test_activations_are_counted_by_hand(gan):
    assert activation_bytes(gan.discriminator) == 4 * DISCRIMINATOR_VALUES
    half = wide(training={"precision": "bfloat16"}).discriminator
    # The images and the logits stay float32.
    assert activation_bytes(half) == 2 * DISCRIMINATOR_VALUES + 2 * (32 * 32 * 3 + 1)


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
def test_a_penalty_keeps_two_passes_of_the_discriminator_in_float32(precision):
    def bytes_an_image(**objective):
        gan = wide(objective=objective, training={"precision": precision})
        return step_costs(gan, 2).memory_bytes - step_costs(gan, 1).memory_bytes

    plain = bytes_an_image()
    assert bytes_an_image(r1=1.0) - plain == 2 * 4 * DISCRIMINATOR_VALUES
    assert bytes_an_image(r1=1.0, r2=1.0, penalty_every=4) - plain == 4 * 4 * DISCRIMINATOR_VALUES


@pytest.mark.parametrize(("every", "penalties"), [(1, ["r1"]), (4, ["r1"]), (4, ["r1", "r2"])])
def test_a_penalty_costs_six_passes_of_the_discriminator_in_the_steps_that_have_it(gan, every, penalties):
    punished = wide(objective=dict.fromkeys(penalties, 1.0) | {"penalty_every": every})
    more = step_costs(punished, 8).flops - step_costs(gan, 8).flops
    assert more == pytest.approx(8 * len(penalties) * 6 * forward_flops(gan.discriminator) / every)


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


def test_frozen_layers_save_their_gradients(gan):
    layers = [layer for layer in gan.discriminator.layers if layer.trainable_weights]
    for frozen in range(len(layers)):
        saved = 2 * 2 * sum(layer_flops(layer) for layer in layers[:frozen])
        costs = step_costs(wide(training={"freeze_discriminator": frozen}), 8)
        assert costs.flops == step_costs(gan, 8).flops - 8 * saved


@pytest.mark.parametrize("critic_steps", [1, 3])
def test_each_update_of_the_discriminator_costs_as_much_but_no_more_memory(gan, critic_steps):
    costs = step_costs(wide(training={"critic_steps": critic_steps}), 8)
    update = forward_flops(gan.generator) + 6 * forward_flops(gan.discriminator)
    assert costs.flops == step_costs(gan, 8).flops + 8 * (critic_steps - 1) * update
    assert costs.memory_bytes == step_costs(gan, 8).memory_bytes


@pytest.mark.parametrize(("batching", "passes", "kept"), [("joint", 2, 2), ("split", 1, 1)])
def test_a_loss_that_compares_both_passes_reals_too_and_back_only_if_they_are_joined(
    gan, batching, passes, kept
):
    costs = step_costs(wide(objective={"loss": "relativistic", "batching": batching}), 1)
    assert costs.flops == step_costs(gan, 1).flops + passes * forward_flops(gan.discriminator)
    of_generator, of_discriminator = activation_bytes(gan.generator), activation_bytes(gan.discriminator)
    before = max(2 * of_discriminator, of_generator + of_discriminator)
    after = max(2 * of_discriminator, of_generator + kept * of_discriminator)
    assert costs.memory_bytes == step_costs(gan, 1).memory_bytes + after - before


def test_the_average_takes_as_much_memory_as_the_generator(gan):
    costs = step_costs(wide(training={"ema_half_life": 100.0}), 1)
    assert costs.memory_bytes - step_costs(gan, 1).memory_bytes == 4 * gan.generator.count_params()
