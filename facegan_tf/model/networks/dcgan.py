"""The DCGAN family: four published recipes at 32, 64 and 128 pixels, as settings of two functions.

Sources: Radford, Metz and Chintala, "Unsupervised Representation Learning with Deep Convolutional
Generative Adversarial Networks" (2015), with the variations of the recipes in configs/. All kernels are
4 pixels wide and the strides are 2, so "same" padding equals PyTorch's padding of 1. Batch normalisation
has PyTorch's defaults, and is missing next to the images and after dense layers. Only dense layers have
biases, and the convolutions of a discriminator without normalisation.
"""

from collections.abc import Iterator

import keras
from keras import layers

from facegan_tf.config.networks import DcganNetworks
from facegan_tf.model.layers.batch_normalization import BatchNormalization
from facegan_tf.model.layers.colour_gain import ColourGain
from facegan_tf.model.layers.convolution import Conv2D, Conv2DTranspose
from facegan_tf.model.layers.detail_gain import DetailGain
from facegan_tf.model.layers.dropout import Dropout
from facegan_tf.model.layers.leaky_relu import LeakyReLU
from facegan_tf.model.layers.minibatch_std import MinibatchStd

KERNEL = 4


def build_generator(size: int, settings: DcganNetworks, seeds: Iterator[int]) -> keras.Model:
    """Build the generator: latents float32 [N, latent_dim] -> images float32 [N, size, size, 3] in [-1, 1].

    seeds: one is taken for each initialiser and each dropout.
    """
    generator = settings.generator
    stem_channels, *doublings = generator.channels
    stem_size = size // 2 ** len(generator.channels)

    def deconvolve(x: keras.KerasTensor, channels: int, **options: str | int) -> keras.KerasTensor:
        kernel = _kernel_initializer(settings, seeds)
        return Conv2DTranspose(channels, KERNEL, use_bias=False, kernel_initializer=kernel, **options)(x)

    def normalise(x: keras.KerasTensor) -> keras.KerasTensor:
        return LeakyReLU(negative_slope=generator.leaky_slope)(_batch_norm(settings, seeds)(x))

    latents = keras.Input((settings.latent_dim,), name="latents")
    if generator.stem == "dense":
        kernel = _kernel_initializer(settings, seeds)
        x = layers.Dense(stem_channels * stem_size**2, kernel_initializer=kernel)(latents)
        x = layers.Reshape((stem_size, stem_size, stem_channels))(x)
    else:
        x = layers.Reshape((1, 1, settings.latent_dim))(latents)
        x = normalise(deconvolve(x, stem_channels, padding="valid"))
    if generator.dropout:
        x = Dropout(generator.dropout, seed=next(seeds))(x)
    for channels in doublings:
        x = normalise(deconvolve(x, channels, strides=2, padding="same"))
    x = deconvolve(x, 3, strides=2, padding="same")
    images = layers.Activation("tanh", dtype=keras.config.floatx(), name="images")(x)
    return keras.Model(latents, images, name="generator")


def build_discriminator(size: int, settings: DcganNetworks, seeds: Iterator[int]) -> keras.Model:
    """Build the discriminator: images float32 [N, size, size, 3] in [-1, 1] -> logits float32 [N, 1].

    seeds: one is taken for each initialiser and each dropout.
    """
    discriminator = settings.discriminator
    normalised = discriminator.normalisation == "batch"

    def convolve(x: keras.KerasTensor, channels: int, **options: str | int) -> keras.KerasTensor:
        kernel = _kernel_initializer(settings, seeds)
        return Conv2D(channels, KERNEL, use_bias=not normalised, kernel_initializer=kernel, **options)(x)

    images = keras.Input((size, size, 3), name="images")
    x = images
    if discriminator.detail_gain != 1:
        x = DetailGain(discriminator.detail_gain)(x)
    if discriminator.colour_gain != 1:
        x = ColourGain(discriminator.colour_gain)(x)
    for place, channels in enumerate(discriminator.channels):
        x = convolve(x, channels, strides=2, padding="same")
        if normalised and place > 0:
            x = _batch_norm(settings, seeds)(x)
        x = LeakyReLU(negative_slope=discriminator.leaky_slope)(x)
    if discriminator.dropout:
        x = Dropout(discriminator.dropout, seed=next(seeds))(x)
    if discriminator.head == "dense":
        features = layers.Flatten()(x)
        if discriminator.minibatch_std:
            features = layers.Concatenate()([features, MinibatchStd()(x)])
        x = layers.Dense(1, kernel_initializer=_kernel_initializer(settings, seeds))(features)
    else:
        x = layers.Flatten()(convolve(x, 1, padding="valid"))
    logits = layers.Activation("linear", dtype=keras.config.floatx(), name="logits")(x)
    return keras.Model(images, logits, name="discriminator")


def _kernel_initializer(settings: DcganNetworks, seeds: Iterator[int]) -> keras.initializers.Initializer:
    if settings.kernel_std is None:
        return keras.initializers.GlorotUniform(seed=next(seeds))
    return keras.initializers.RandomNormal(stddev=settings.kernel_std, seed=next(seeds))


def _batch_norm(settings: DcganNetworks, seeds: Iterator[int]) -> layers.Layer:
    return BatchNormalization(
        epsilon=1e-5,
        momentum=0.9,  # the old average's weight; PyTorch's momentum of 0.1 is the weight of the new value
        gamma_initializer=keras.initializers.RandomNormal(
            mean=1.0, stddev=settings.gamma_std, seed=next(seeds)
        ),
    )
