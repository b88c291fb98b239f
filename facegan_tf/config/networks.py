"""Settings of the nets: a class a family. The nets are in the module of its name in model/networks."""

from typing import Annotated, Literal

from pydantic import Field

from facegan_tf.config.base import Settings

Width = Annotated[int, Field(ge=1, le=65_536)]
"""Channels, or latents."""


class DeepConvGenerator(Settings):
    """Channels of the deepconv generator: 16x16 stem, upsampling body, full-resolution head."""

    stem_channels: Width = 128
    body_channels: Width = 256
    head_channels: Width = 512


class DeepConvDiscriminator(Settings):
    """Channels of every discriminator convolution, and the dropout before its last layer."""

    channels: Width = 256
    dropout: float = Field(default=0.4, ge=0, lt=1)


class DeepConvNetworks(Settings):
    """The deepconv family: no normalisation, wide full-resolution convolutions."""

    family: Literal["deepconv"]
    latent_dim: Width = 32
    leaky_slope: float = Field(default=0.3, ge=0, le=1)
    """Slope of LeakyReLU below zero, in both nets (Keras 2's default is 0.3)."""
    generator: DeepConvGenerator = DeepConvGenerator()
    discriminator: DeepConvDiscriminator = DeepConvDiscriminator()

    def misfit(self, size: int) -> str | None:
        """Why these nets can't have images of `size` pixels, and what to do; None if they can."""
        if size >= 32 and not size & (size - 1):
            return None
        return (
            f"data.size: {size} does not fit networks.family: deepconv, "
            "which doubles a 16-pixel stem: take 32, 64, 128, 256, 512 or 1024"
        )


# Not strict, here and below, as to how many are held together: YAML has lists, and tuples can't change.
Channels = Annotated[tuple[Width, ...], Field(min_length=1, max_length=10, strict=False)]


class DcganGenerator(Settings):
    """From the latents to a small map, the stem, which every layer after it doubles."""

    stem: Literal["dense", "deconv"]
    """`dense`: a dense layer, reshaped; `deconv`: a transposed convolution to 4x4, normalised."""
    channels: Channels
    """Of the stem's map and of each doubling but the last, whose 3 are the image's."""
    leaky_slope: float = Field(default=0.0, ge=0, le=1)
    """Slope of the hidden activations below zero; 0 makes them ReLU."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Rate of the dropout after the stem."""


class DcganDiscriminator(Settings):
    """Convolutions that halve the image to a small map, and a head that makes one logit of it."""

    channels: Channels
    """Of each convolution; all but the first are normalised."""
    head: Literal["dense", "conv"]
    """`dense`: flatten and a dense layer; `conv`: a convolution over the whole 4x4 map."""
    leaky_slope: float = Field(default=0.2, ge=0, le=1)
    """Slope of the hidden activations below zero."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Rate of the dropout before the head."""


class DcganNetworks(Settings):
    """The DCGAN family: kernels of 4, strides of 2, batch normalisation."""

    family: Literal["dcgan"]
    latent_dim: Width = 100
    kernel_std: float | None = Field(default=0.02, gt=0)
    """Kernels begin as N(0, kernel_std); null: Glorot uniform, Keras' default. Biases begin as 0."""
    gamma_std: float = Field(default=0.0, ge=0)
    """The scales of batch normalisation begin as N(1, gamma_std)."""
    generator: DcganGenerator
    discriminator: DcganDiscriminator

    def misfit(self, size: int) -> str | None:
        """Why these nets can't have images of `size` pixels, and what to do; None if they can."""
        nets = {
            "generator": (self.generator.channels, self.generator.stem == "deconv"),
            "discriminator": (self.discriminator.channels, self.discriminator.head == "conv"),
        }
        for name, (channels, ends_in_four) in nets.items():
            smallest = size / 2 ** len(channels)
            if not smallest.is_integer() or (ends_in_four and smallest != 4):
                halvings = len(channels)
                way_out = f"take {4 * 2**halvings}" if ends_in_four else f"take a multiple of {2**halvings}"
                return (
                    f"data.size: {size} does not fit networks.{name}.channels, which names {halvings} "
                    f"halvings: its smallest map would have {smallest:g} pixels a side; {way_out}, or change "
                    "the channels"
                )
        return None


Networks = Annotated[DcganNetworks | DeepConvNetworks, Field(discriminator="family")]
"""The nets of one family or another."""
