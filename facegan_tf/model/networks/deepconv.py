"""The deepconv family: the generator and discriminator of the celeba128 recipe, at any width.

Source: "Human Face Generation using GAN" (Code360 by Coding Ninjas, 2022), which has these nets at 128
pixels with the default widths. They have biases and Keras' default initialisers, no normalisation, and
kernels of 5 and 7 pixels at full resolution. The size changes only how many times the generator doubles its
16x16 stem, and how many times the discriminator halves: its last feature map is 6x6 at every size.
"""

from collections.abc import Iterator

import keras
from keras import layers

from facegan_tf.config.networks import DeepConvNetworks
from facegan_tf.model.layers.convolution import Conv2D, Conv2DTranspose
from facegan_tf.model.layers.dropout import Dropout
from facegan_tf.model.layers.leaky_relu import LeakyReLU

STEM_SIZE = 16


def build_generator(size: int, settings: DeepConvNetworks, seeds: Iterator[int]) -> keras.Model:
    """Build the generator: latents float32 [N, latent_dim] -> images float32 [N, size, size, 3] in [-1, 1].

    seeds: one is taken for each initialiser.
    """
    widths = settings.generator

    def activate(x: keras.KerasTensor) -> keras.KerasTensor:
        return LeakyReLU(negative_slope=settings.leaky_slope)(x)

    def convolve(x: keras.KerasTensor, channels: int, kernel: int) -> keras.KerasTensor:
        return Conv2D(channels, kernel, padding="same", kernel_initializer=_glorot(seeds))(x)

    latents = keras.Input((settings.latent_dim,), name="latents")
    x = layers.Dense(widths.stem_channels * STEM_SIZE**2, kernel_initializer=_glorot(seeds))(latents)
    x = layers.Reshape((STEM_SIZE, STEM_SIZE, widths.stem_channels))(activate(x))
    x = activate(convolve(x, widths.body_channels, kernel=5))
    for _ in range(_doublings(STEM_SIZE, size)):
        x = Conv2DTranspose(
            widths.body_channels, 4, strides=2, padding="same", kernel_initializer=_glorot(seeds)
        )(x)
        x = activate(x)
    for _ in range(2):
        x = activate(convolve(x, widths.head_channels, kernel=5))
    images = layers.Activation("tanh", dtype=keras.config.floatx(), name="images")(convolve(x, 3, kernel=7))
    return keras.Model(latents, images, name="generator")


def build_discriminator(size: int, settings: DeepConvNetworks, seeds: Iterator[int]) -> keras.Model:
    """Build the discriminator: images float32 [N, size, size, 3] in [-1, 1] -> logits float32 [N, 1].

    The source's net ends in a sigmoid. Here the loss applies it: the same function, numerically stable.
    seeds: one is taken for each initialiser and the dropout.
    """
    channels = settings.discriminator.channels
    images = keras.Input((size, size, 3), name="images")
    x = images
    for kernel, strides in [(3, 1)] + [(4, 2)] * _doublings(8, size):
        x = Conv2D(channels, kernel, strides=strides, kernel_initializer=_glorot(seeds))(x)
        x = LeakyReLU(negative_slope=settings.leaky_slope)(x)
    x = Dropout(settings.discriminator.dropout, seed=next(seeds))(layers.Flatten()(x))
    logits = layers.Dense(1, kernel_initializer=_glorot(seeds), dtype=keras.config.floatx(), name="logits")(x)
    return keras.Model(images, logits, name="discriminator")


def _glorot(seeds: Iterator[int]) -> keras.initializers.Initializer:
    return keras.initializers.GlorotUniform(seed=next(seeds))


def _doublings(start: int, end: int) -> int:
    return (end // start).bit_length() - 1
