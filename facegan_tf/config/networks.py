"""Settings of the networks: one class for each family.

A family named NAME is built by the module model/networks/NAME.py. To add one, add that module, add its
settings here with `family` set to its name, and list them in `NetworkSettings`.
"""

import math
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from facegan_tf.config.base import Settings, WrongSetting

Width = Annotated[int, Field(ge=1, le=65_536)]
"""A number of channels, or of latents."""


class DeepConvGenerator(Settings):
    """Widths of the deepconv generator."""

    stem_channels: Width = 128
    """Channels of the stem, a map of 16x16 pixels."""
    body_channels: Width = 256
    """Channels of the body, which doubles that map up to the size of the image."""
    head_channels: Width = 512
    """Channels of the head, which works at the size of the image."""


class DeepConvDiscriminator(Settings):
    """Width and dropout of the deepconv discriminator."""

    channels: Width = 256
    """Channels of every convolution."""
    dropout: float = Field(default=0.4, ge=0, lt=1)
    """Rate of the dropout before the last layer."""


class DeepConvNetworks(Settings):
    """The deepconv family: no normalisation, wide full-resolution convolutions."""

    family: Literal["deepconv"]
    latent_dim: Width = 32
    """Number of latents of a face."""
    leaky_slope: float = Field(default=0.3, ge=0, le=1)
    """Slope of LeakyReLU below zero, in both nets; Keras 2's default is 0.3."""
    generator: DeepConvGenerator = DeepConvGenerator()
    discriminator: DeepConvDiscriminator = DeepConvDiscriminator()

    def size_problem(self, size: int) -> str | None:
        """Why these nets can't draw images of `size` pixels, and what to do; None if they can."""
        if size >= 32 and not size & (size - 1):
            return None
        return (
            "does not fit networks.family: deepconv, which doubles a stem of 16 pixels; "
            "use 32, 64, 128, 256, 512 or 1024"
        )


# Not strict about the container: YAML has lists, but settings hold tuples, which can't be changed.
Channels = Annotated[tuple[Width, ...], Field(min_length=1, max_length=10, strict=False)]


class DcganGenerator(Settings):
    """The DCGAN generator: latents to a small map, the stem, which each later layer doubles."""

    stem: Literal["dense", "deconv"]
    """First layer. `dense`: a dense layer, reshaped. `deconv`: a normalised transposed convolution to 4x4."""
    channels: Channels
    """Channels of the stem and of each doubling except the last, which gives the image's 3."""
    leaky_slope: float = Field(default=0.0, ge=0, le=1)
    """Slope of the hidden activations below zero; 0 is ReLU."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Rate of the dropout after the stem."""


class DcganDiscriminator(Settings):
    """The DCGAN discriminator: convolutions halve the image to a small map, and a head gives one logit."""

    channels: Channels
    """Channels of each convolution."""
    normalisation: Literal["batch", "none"] = "batch"
    """Normalisation of all convolutions but the first. `none`: convolutions have biases instead."""
    head: Literal["dense", "conv"]
    """Last layer. `dense`: a dense layer on the flattened map. `conv`: a convolution over the 4x4 map."""
    leaky_slope: float = Field(default=0.2, ge=0, le=1)
    """Slope of the hidden activations below zero."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Rate of the dropout before the head."""
    colour_gain: float = Field(default=1.0, gt=0, le=100)
    """Factor by which colours are moved away from grey for the discriminator; 1 leaves them as they are."""
    detail_gain: float = Field(default=1.0, gt=0, le=100)
    """Factor by which the finest detail in brightness is amplified for the discriminator; 1: not at all."""
    minibatch_std: bool = False
    """Whether a dense head also sees the standard deviation of each channel of its map over the batch.

    It tells the discriminator how varied the batch is, and needs `objective.batching` to be `split`.
    """

    @model_validator(mode="after")
    def _head_sees_the_deviation(self) -> Self:
        if self.minibatch_std and self.head != "dense":
            raise WrongSetting("minibatch_std", True, "only a dense head can see it; set head to dense")
        return self


class DcganNetworks(Settings):
    """The DCGAN family: 4x4 kernels, strides of 2, batch normalisation."""

    family: Literal["dcgan"]
    latent_dim: Width = 100
    """Number of latents of a face."""
    kernel_std: float | None = Field(default=0.02, gt=0)
    """Standard deviation of the initial kernels, drawn from N(0, kernel_std). Biases start at 0.

    null: Glorot uniform, Keras' default.
    """
    gamma_std: float = Field(default=0.0, ge=0)
    """Standard deviation of the initial scales of batch normalisation, drawn from N(1, gamma_std)."""
    generator: DcganGenerator
    discriminator: DcganDiscriminator

    def size_problem(self, size: int) -> str | None:
        """Why these nets can't draw images of `size` pixels, and what to do; None if they can."""
        nets = {
            "generator": (self.generator.channels, self.generator.stem == "deconv"),
            "discriminator": (self.discriminator.channels, self.discriminator.head == "conv"),
        }
        for name, (channels, needs_four) in nets.items():
            halvings = len(channels)
            smallest = size / 2**halvings
            if not smallest.is_integer() or (needs_four and smallest != 4):
                way_out = f"use {4 * 2**halvings}" if needs_four else f"use a multiple of {2**halvings}"
                return (
                    f"does not fit networks.{name}.channels, whose {halvings} entries mean {halvings} "
                    f"halvings: the smallest map would be {smallest:g} pixels wide; {way_out}, or change the "
                    "channels"
                )
        return None


class ResidualNetworks(Settings):
    """The residual family: R3GAN's residual blocks, without normalisation.

    Both nets have these stages: the generator doubles its maps between them, the discriminator halves them.
    """

    family: Literal["residual"]
    latent_dim: Width = 64
    """Number of latents of a face."""
    channels: Channels
    """Channels of each stage, from the map of 4x4 pixels to that of the size of the image."""
    blocks: int = Field(default=2, ge=1, le=100)
    """Number of residual blocks in each stage."""
    group_channels: Width = 16
    """Channels of each group in a block's 3x3 convolution, which convolves twice its stage's channels."""
    float32_stages: int = Field(default=1, ge=0)
    """Number of stages, from 4x4 pixels up, that compute in float32 whatever `training.precision` is."""

    @model_validator(mode="after")
    def _groups_fit(self) -> Self:
        for channels in self.channels:
            if 2 * channels % self.group_channels:
                multiple = self.group_channels // math.gcd(2, self.group_channels)
                problem = (
                    f"has a stage of {channels} channels: the {2 * channels} channels inside its blocks "
                    f"can't be split into groups of {self.group_channels}; use multiples of {multiple}, or "
                    "change group_channels"
                )
                raise WrongSetting("channels", list(self.channels), problem)
        return self

    def size_problem(self, size: int) -> str | None:
        """Why these nets can't draw images of `size` pixels, and what to do; None if they can."""
        stages = len(self.channels)
        drawn = 4 * 2 ** (stages - 1)
        if size == drawn:
            return None
        doublings = math.log2(size / 4)
        way_out = f"use {drawn}"
        if doublings.is_integer() and doublings >= 0:
            way_out += f", or give {int(doublings) + 1} stages"
        return f"does not fit networks.channels, whose {stages} stages draw {drawn} pixels; {way_out}"


NetworkSettings = DcganNetworks | DeepConvNetworks | ResidualNetworks
"""The families, which `family` chooses from."""
