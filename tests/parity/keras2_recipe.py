"""The Keras 2 source in Keras 2 (tf_keras), as "Human Face Generation using GAN" trains it.

The nets, the order of freezing and compiling, and the step are the source's own lines, with three changes:
widths are divided by `divisor`; dropout is 0, because each framework draws its own masks; and images are in
[-1, 1], the range of the generator's tanh, instead of [0, 1].
"""

import numpy as np
import tensorflow as tf
import tf_keras
from tf_keras.layers import Conv2D, Conv2DTranspose, Dense, Dropout, Flatten, Input, LeakyReLU, Reshape
from tf_keras.models import Model
from tf_keras.optimizers.legacy import RMSprop

from tests.parity.inputs import Batch, Step

HEIGHT = WIDTH = 128
CHANNELS = 3
LATENT_DIM = 32


def create_generator(divisor: int) -> Model:
    c128, c256, c512 = 128 // divisor, 256 // divisor, 512 // divisor
    gen_input = Input(shape=(LATENT_DIM,))
    y = Dense(c128 * 16 * 16)(gen_input)
    y = LeakyReLU()(y)
    y = Reshape((16, 16, c128))(y)
    y = Conv2D(c256, 5, padding="same")(y)
    y = LeakyReLU()(y)
    y = Conv2DTranspose(c256, 4, strides=2, padding="same")(y)
    y = LeakyReLU()(y)
    y = Conv2DTranspose(c256, 4, strides=2, padding="same")(y)
    y = LeakyReLU()(y)
    y = Conv2DTranspose(c256, 4, strides=2, padding="same")(y)
    y = LeakyReLU()(y)
    y = Conv2D(c512, 5, padding="same")(y)
    y = LeakyReLU()(y)
    y = Conv2D(c512, 5, padding="same")(y)
    y = LeakyReLU()(y)
    y = Conv2D(CHANNELS, 7, activation="tanh", padding="same")(y)
    return Model(gen_input, y)


def create_discriminator(divisor: int) -> Model:
    c256 = 256 // divisor
    disc_input = Input(shape=(HEIGHT, WIDTH, CHANNELS))
    x = Conv2D(c256, 3)(disc_input)
    x = LeakyReLU()(x)
    x = Conv2D(c256, 4, strides=2)(x)
    x = LeakyReLU()(x)
    x = Conv2D(c256, 4, strides=2)(x)
    x = LeakyReLU()(x)
    x = Conv2D(c256, 4, strides=2)(x)
    x = LeakyReLU()(x)
    x = Conv2D(c256, 4, strides=2)(x)
    x = LeakyReLU()(x)
    x = Flatten()(x)
    x = Dropout(0.0)(x)
    x = Dense(1, activation="sigmoid")(x)
    discriminator = Model(disc_input, x)
    # The source's text has lost the arguments; these are the ones of its other optimizer.
    discriminator.compile(optimizer=_optimizer(), loss="binary_crossentropy")
    return discriminator


def _optimizer() -> RMSprop:
    return RMSprop(learning_rate=0.0001, clipvalue=1.0, decay=1e-8)


class Run:
    """Both nets of the source, compiled as there, and its training step."""

    def __init__(self, divisor: int, weights: dict[str, dict[str, np.ndarray]], dtype: str):
        tf_keras.backend.set_floatx(dtype)
        self.dtype = dtype
        self.generator = create_generator(divisor)
        self.discriminator = create_discriminator(divisor)
        self.names = {net: list(tensors) for net, tensors in weights.items()}
        for name, net in self.nets.items():
            net.set_weights(list(weights[name].values()))
        self.discriminator.trainable = False
        gan_input = Input(shape=(LATENT_DIM,))
        gan_output = self.discriminator(self.generator(gan_input))
        self.gan = Model(gan_input, gan_output)
        self.gan.compile(optimizer=_optimizer(), loss="binary_crossentropy")

    @property
    def nets(self) -> dict[str, Model]:
        return {"generator": self.generator, "discriminator": self.discriminator}

    def images(self, latents: np.ndarray, training: bool) -> np.ndarray:
        """Images [N, S, S, 3] of latents."""
        return self.generator(latents.astype(self.dtype), training=training).numpy()

    def logits(self, reals: np.ndarray, training: bool) -> np.ndarray:
        """The last layer's values before the sigmoid, [N, 1], for images [N, S, S, 3]."""
        *_, before, last = self.discriminator.layers
        features = Model(self.discriminator.input, before.output)(reals.astype(self.dtype), training=training)
        kernel, bias = last.get_weights()
        return features.numpy() @ kernel + bias

    def step(self, batch: Batch, keep_gradients: bool) -> Step:
        """Update each net once; return the losses and, if `keep_gradients`, the gradients before clipping."""
        batch_size = len(batch.reals)
        generated = self.generator.predict(batch.latents_d, verbose=0)
        combined_images = np.concatenate([generated, batch.reals])
        labels = np.concatenate([np.ones((batch_size, 1)), np.zeros((batch_size, 1))])
        labels += 0.05 * batch.label_noise
        gradients = {}
        if keep_gradients:
            gradients["discriminator"] = self._gradients("discriminator", combined_images, labels)
        d_loss = self.discriminator.train_on_batch(combined_images, labels)
        misleading_targets = np.zeros((batch_size, 1))
        if keep_gradients:
            gradients["generator"] = self._gradients("generator", batch.latents_g, misleading_targets)
        g_loss = self.gan.train_on_batch(batch.latents_g, misleading_targets)
        return Step(d_loss, g_loss, gradients)

    def weights(self) -> dict[str, dict[str, np.ndarray]]:
        """Every tensor of both nets."""
        return {
            name: dict(zip(self.names[name], net.get_weights(), strict=True))
            for name, net in self.nets.items()
        }

    def _gradients(self, name: str, inputs: np.ndarray, targets: np.ndarray) -> dict[str, np.ndarray]:
        model = self.discriminator if name == "discriminator" else self.gan
        variables = self.nets[name].weights  # all weights of these nets are trainable
        with tf.GradientTape() as tape:
            outputs = model(inputs.astype(self.dtype), training=True)
            loss = tf_keras.losses.BinaryCrossentropy()(targets, outputs)
        found = [gradient.numpy() for gradient in tape.gradient(loss, variables)]
        return dict(zip(self.names[name], found, strict=True))
