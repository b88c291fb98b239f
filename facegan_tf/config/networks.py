"""Settings of the networks: one class for each family.

A family named NAME is built by the module model/networks/NAME.py. To add one, add that module, and here its
settings, whose `family` is its name, and their entry in `NetworkSettings`.
"""

from typing import Annotated, Literal

from pydantic import Field

from facegan_tf.config.base import Settings

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
        """Why these nets can't draw images of `size` pixels, and the way out; None if they can."""
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
        """Why these nets can't draw images of `size` pixels, and the way out; None if they can."""
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


NetworkSettings = DcganNetworks | DeepConvNetworks
"""The families, which `family` chooses from."""
