"""The residual family: R3GAN's nets, residual blocks without normalisation.

Source: Huang, Gokaslan, Kuleshov and Tompkin, "The GAN is dead; long live the GAN! A Modern GAN Baseline"
(2024), and its published code. The generator does not end in tanh: its images may lie outside [-1, 1], and
are clipped when they become pictures. The discriminator is its mirror image. At first, a block adds nothing:
its last weights start at 0. The spread of its other initial weights falls with the number of blocks.
"""

import math
from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf
from keras import layers

from facegan_tf.config.networks import ResidualNetworks
from facegan_tf.model.layers.convolution import Conv2D
from facegan_tf.model.layers.grouped_convolution import GroupedConv2D
from facegan_tf.model.layers.leaky_relu import LeakyReLU
from facegan_tf.model.layers.resampling import Downsample, Upsample

STEM_SIZE = 4
LEAKY_SLOPE = 0.2
EXPANSION = 2
"""Channels inside a block, as a multiple of its stage's."""


def build_generator(size: int, settings: ResidualNetworks, seeds: Iterator[int]) -> keras.Model:
    """Build the generator: latents float32 [N, latent_dim] -> images float32 [N, size, size, 3].

    The images are not bounded. seeds: one is taken for each initialiser that draws.
    """
    net = _Net(settings, seeds)
    latents = keras.Input((settings.latent_dim,), name="latents")
    x = layers.Dense(
        settings.channels[0],
        use_bias=False,
        kernel_initializer=net.normal(settings.latent_dim),
        dtype=net.policy(0),
    )(latents)
    x = Basis(STEM_SIZE, initializer=net.normal(fan_in=1), dtype=net.policy(0))(x)
    for stage, channels in enumerate(settings.channels):
        if stage > 0:
            x = net.with_channels(channels, x, net.policy(stage))
            x = Upsample(dtype=net.policy(stage))(x)
        x = net.blocks(x, net.policy(stage))
    x = net.convolve(3, x, net.policy(len(settings.channels) - 1))
    images = layers.Activation("linear", dtype=keras.config.floatx(), name="images")(x)
    return keras.Model(latents, images, name="generator")


def build_discriminator(size: int, settings: ResidualNetworks, seeds: Iterator[int]) -> keras.Model:
    """Build the discriminator: images float32 [N, size, size, 3] -> logits float32 [N, 1].

    seeds: one is taken for each initialiser that draws.
    """
    net = _Net(settings, seeds)
    images = keras.Input((size, size, 3), name="images")
    x = net.convolve(settings.channels[-1], images, net.policy(len(settings.channels) - 1))
    for stage in reversed(range(len(settings.channels))):
        x = net.blocks(x, net.policy(stage))
        if stage > 0:
            x = Downsample(dtype=net.policy(stage))(x)
            x = net.with_channels(settings.channels[stage - 1], x, net.policy(stage))
    initializer = net.normal(STEM_SIZE**2)
    x = layers.DepthwiseConv2D(
        STEM_SIZE, use_bias=False, depthwise_initializer=initializer, dtype=net.policy(0)
    )(x)
    initializer = net.normal(settings.channels[0])
    logits = layers.Dense(
        1, use_bias=False, kernel_initializer=initializer, dtype=keras.config.floatx(), name="logits"
    )(layers.Flatten()(x))
    return keras.Model(images, logits, name="discriminator")


class _Net:
    """The parts of one net, each with seeds of its own. `policy`: the type that a layer computes in."""

    def __init__(self, settings: ResidualNetworks, seeds: Iterator[int]):
        self.settings = settings
        self.seeds = seeds
        blocks = settings.blocks * len(settings.channels)
        self.block_gain = math.sqrt(2 / (1 + LEAKY_SLOPE**2)) * blocks**-0.25

    def policy(self, stage: int) -> str | None:
        """The type that this stage computes in; None: that of the run."""
        return keras.config.floatx() if stage < self.settings.float32_stages else None

    def normal(self, fan_in: int, gain: float = 1.0) -> keras.initializers.Initializer:
        """An initialiser that draws from N(0, gain / sqrt(fan_in))."""
        return keras.initializers.RandomNormal(stddev=gain / math.sqrt(fan_in), seed=next(self.seeds))

    def convolve(self, channels: int, x: keras.KerasTensor, policy: str | None) -> keras.KerasTensor:
        """A 1x1 convolution without biases."""
        kernel = self.normal(x.shape[-1])
        return Conv2D(channels, 1, use_bias=False, kernel_initializer=kernel, dtype=policy)(x)

    def with_channels(self, channels: int, x: keras.KerasTensor, policy: str | None) -> keras.KerasTensor:
        """The maps, through a 1x1 convolution if they have a different number of channels."""
        return x if x.shape[-1] == channels else self.convolve(channels, x, policy)

    def blocks(self, x: keras.KerasTensor, policy: str | None) -> keras.KerasTensor:
        """The residual blocks of one stage."""
        for _ in range(self.settings.blocks):
            x = self._block(x, policy)
        return x

    def _block(self, x: keras.KerasTensor, policy: str | None) -> keras.KerasTensor:
        channels = x.shape[-1]
        wide, group = EXPANSION * channels, self.settings.group_channels

        def activate(y: keras.KerasTensor) -> keras.KerasTensor:
            return LeakyReLU(negative_slope=LEAKY_SLOPE, dtype=policy)(y)

        kernel = self.normal(channels, self.block_gain)
        y = activate(Conv2D(wide, 1, kernel_initializer=kernel, dtype=policy)(x))
        kernel = self.normal(3 * 3 * group, self.block_gain)
        y = GroupedConv2D(
            wide, 3, padding="same", groups=wide // group, kernel_initializer=kernel, dtype=policy
        )(y)
        y = Conv2D(channels, 1, use_bias=False, kernel_initializer="zeros", dtype=policy)(activate(y))
        return layers.Add(dtype=policy)([x, y])


class Basis(keras.layers.Layer):
    """A learned map for each channel, multiplied by the channel's input: [N, C] -> [N, S, S, C]."""

    def __init__(self, size: int, initializer: Any, **options: Any):
        """size: S, the height and width of the maps. initializer: that of the maps."""
        super().__init__(**options)
        self.size = size
        self.initializer = keras.initializers.get(initializer)

    def build(self, shape: tuple[Any, ...]) -> None:
        """Create the maps."""
        self.maps = self.add_weight(
            shape=(self.size, self.size, shape[-1]), initializer=self.initializer, name="maps"
        )

    def call(self, numbers: tf.Tensor) -> tf.Tensor:
        """Multiply each map by its number."""
        return numbers[:, None, None] * tf.convert_to_tensor(self.maps)

    def compute_output_shape(self, shape: tuple[Any, ...]) -> tuple[Any, ...]:
        """[N, S, S, C] of [N, C]."""
        return shape[0], self.size, self.size, shape[-1]

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        initializer = keras.initializers.serialize(self.initializer)
        return super().get_config() | {"size": self.size, "initializer": initializer}
