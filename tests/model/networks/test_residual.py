import itertools
import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from facegan_tf.config.base import WrongSetting
from facegan_tf.config.networks import ResidualNetworks
from facegan_tf.model.layers.grouped_convolution import GroupedConv2D
from facegan_tf.model.networks import residual
from facegan_tf.serving.signatures import signatures


def tiny(**changes):
    settings = {"latent_dim": 6, "channels": [16, 16, 8], "group_channels": 4} | changes
    return ResidualNetworks(family="residual", **settings)


def build(settings, first_seed=0):
    size = 4 * 2 ** (len(settings.channels) - 1)
    return (
        residual.build_generator(size, settings, itertools.count(first_seed)),
        residual.build_discriminator(size, settings, itertools.count(first_seed + 1000)),
    )


def of_kind(net, kind):
    return [layer for layer in net.layers if isinstance(layer, kind)]


def kinds_and_shapes(net):
    """Each layer with weights: its kind, its kernel's shape, and its output's."""
    return [
        (type(layer).__name__, layer.weights[0].shape, layer.output.shape[1:])
        for layer in net.layers
        if layer.weights
    ]


def block(channels, side, group=4):
    wide = 2 * channels
    return [
        ("Conv2D", (1, 1, channels, wide), (side, side, wide)),
        ("GroupedConv2D", (3, 3, group, wide), (side, side, wide)),
        ("Conv2D", (1, 1, wide, channels), (side, side, channels)),
    ]


def test_the_generator_doubles_between_its_stages():
    generator, _ = build(tiny())
    assert kinds_and_shapes(generator) == [
        ("Dense", (6, 16), (16,)),
        ("Basis", (4, 4, 16), (4, 4, 16)),
        *2 * block(16, 4),
        *2 * block(16, 8),
        ("Conv2D", (1, 1, 16, 8), (8, 8, 8)),
        *2 * block(8, 16),
        ("Conv2D", (1, 1, 8, 3), (16, 16, 3)),
    ]


def test_the_discriminator_is_its_mirror_image():
    _, discriminator = build(tiny())
    assert kinds_and_shapes(discriminator) == [
        ("Conv2D", (1, 1, 3, 8), (16, 16, 8)),
        *2 * block(8, 16),
        ("Conv2D", (1, 1, 8, 16), (8, 8, 16)),
        *2 * block(16, 8),
        *2 * block(16, 4),
        ("DepthwiseConv2D", (4, 4, 16, 1), (1, 1, 16)),
        ("Dense", (16, 1), (1,)),
    ]


def test_only_the_first_two_convolutions_of_a_block_have_biases():
    for net in build(tiny(channels=[8], blocks=1)):
        biased = [type(layer).__name__ for layer in net.layers if len(layer.weights) == 2]
        assert biased == ["Conv2D", "GroupedConv2D"]
        assert {layer.negative_slope for layer in of_kind(net, keras.layers.LeakyReLU)} == {0.2}


@pytest.mark.parametrize("blocks", [1, 3])
def test_initial_weights_have_the_spread_of_the_source(blocks):
    gain = math.sqrt(2 / 1.04) * (2 * blocks) ** -0.25
    nets = build(tiny(channels=[256, 64], latent_dim=64, blocks=blocks, group_channels=16))
    for layer in (layer for net in nets for layer in net.layers if layer.weights):
        kernel, *biases = layer.get_weights()
        assert all((each == 0).all() for each in biases)
        expected = 1 / math.sqrt(math.prod(kernel.shape[:-1]))
        if kernel.shape[-1] == 1 and kernel.ndim == 4:  # the depthwise one, whose third axis is its output
            expected = 1 / 4
        elif isinstance(layer, residual.Basis):
            expected = 1.0
        elif biases:
            expected *= gain
        elif kernel.ndim == 4 and kernel.shape[2] == 2 * kernel.shape[3]:  # the last of a block
            expected = 0.0
        tolerance = 5 / math.sqrt(kernel.size) * expected  # five standard deviations
        assert kernel.std() == pytest.approx(expected, abs=tolerance), layer.name
        assert abs(kernel.mean()) <= tolerance


def test_at_first_each_block_passes_its_input_on():
    for net in build(tiny()):
        for add in of_kind(net, keras.layers.Add):
            given, found = keras.Model(net.input, [add.input[0], add.output])(
                np.random.default_rng(0).normal(size=(2, *net.input_shape[1:]))
            )
            np.testing.assert_array_equal(given, found)


def test_initial_weights_depend_on_the_seeds_alone():
    for one, same, other in zip(build(tiny()), build(tiny()), build(tiny(), 1), strict=True):
        for a, b, c in zip(one.get_weights(), same.get_weights(), other.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
            assert (a == 0).all() or (a != c).any()


def test_images_may_leave_the_range_and_are_clipped_where_they_become_pictures():
    generator, _ = build(tiny())
    latents = 20 * np.random.default_rng(0).normal(size=(4, 6)).astype("float32")
    images = generator(latents).numpy()
    assert images.dtype == np.float32
    assert images.min() < -2 and images.max() > 2
    draw, _ = signatures(generator)["serving_default"]
    pictures = draw(tf.constant(latents))["images"].numpy()
    assert (pictures[images > 1] == 255).all()
    assert (pictures[images < -1] == 0).all()
    inside = np.abs(images) <= 1
    np.testing.assert_allclose(pictures[inside], (images[inside] + 1) * 127.5, atol=0.51)


@pytest.mark.parametrize("stages", [0, 1, 2])
def test_the_first_stages_compute_in_32_bits_whatever_the_precision(stages):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        nets = build(tiny(float32_stages=stages))
    finally:
        keras.config.set_dtype_policy(before)
    for net in nets:
        sides = {4: 0, 8: 1, 16: 2}
        for layer in of_kind(net, GroupedConv2D):
            expected = "float32" if sides[layer.output.shape[1]] < stages else "bfloat16"
            assert layer.compute_dtype == layer.output.dtype == expected
        assert net.output.dtype == "float32"
        assert all(weight.dtype == "float32" for weight in net.weights)


@given(
    channels=st.lists(st.integers(1, 10**4), min_size=1, max_size=10),
    group=st.integers(1, 10**4),
)
def test_channels_that_do_not_split_into_groups_are_refused_with_the_way_out(channels, group):
    wrong = [each for each in channels if 2 * each % group]
    if not wrong:
        assert tiny(channels=channels, group_channels=group).channels == tuple(channels)
        return
    with pytest.raises(ValueError) as caught:
        tiny(channels=channels, group_channels=group)
    [error] = caught.value.errors()
    problem = error["ctx"]["error"]
    assert isinstance(problem, WrongSetting)
    assert (problem.name, problem.value) == ("channels", channels)
    multiple = int(problem.problem.partition("multiples of ")[2].partition(",")[0])
    assert multiple == (group if group % 2 else group // 2)
    assert tiny(channels=[multiple], group_channels=group)  # the way out leads out


@pytest.mark.parametrize(
    ("size", "stages", "says"),
    [
        (4, 1, None),
        (64, 5, None),
        (64, 4, "does not fit networks.channels, whose 4 stages draw 32 pixels; use 32, or give 5 stages"),
        (48, 4, "use 32"),
    ],
)
def test_sizes_that_do_not_fit_are_told_from_those_that_do(size, stages, says):
    problem = tiny(channels=[8] * stages).size_problem(size)
    assert problem is None if says is None else problem.endswith(says)
