"""The same results as torch_reference.py's, computed by the package in float64."""

import numpy as np
import tensorflow as tf

from facegan_tf import build_gan
from facegan_tf.config.settings import Config
from facegan_tf.model.gan import GAN
from tests.helpers.configs import tiny_settings
from tests.parity.drawing import Arrays, Batch
from tests.parity.package_run import precision
from tests.parity.residual import inputs


def results() -> Arrays:
    """Images and logits of the initial nets, each step's terms, and all steps' changes of the weights."""
    with precision("float64"):
        gan = build()
        nets = {net.name: net for net in (gan.generator, gan.discriminator)}
        first = inputs.batch(0)
        found = {
            "images": gan.generator(first.latents_d).numpy(),
            "logits": gan.discriminator(first.reals).numpy()[:, 0],
        }
        losses = [_step(gan, inputs.batch(step)) for step in range(inputs.STEPS)]
        found |= {f"losses/{name}": np.array([step[name] for step in losses]) for name in losses[0]}
        for net, model in nets.items():
            before = inputs.initial_weights(net)
            for name, after in zip(before, model.get_weights(), strict=True):
                found[f"changes/{net}/{name}"] = after - before[name]
    return found


def build() -> GAN:
    """The package's GAN with the initial weights, in float64."""
    gan = build_gan(_config())
    for net in (gan.generator, gan.discriminator):
        net.set_weights(list(inputs.initial_weights(net.name).values()))
    return gan


def _config() -> Config:
    def schedule(start: float, end: float) -> dict:
        return {"from": start, "to": end, "images": inputs.DECAY_IMAGES}

    adam = {
        "name": "adam",
        "learning_rate": schedule(*inputs.LEARNING_RATE),
        "beta1": 0.0,
        "beta2": schedule(*inputs.BETA2),
        "epsilon": inputs.EPSILON,
    }
    gamma = schedule(*inputs.GAMMA)
    settings = tiny_settings(data={"size": inputs.SIZE}, training={"batch_size": inputs.BATCH_SIZE})
    settings["objective"] = {"loss": "relativistic", "r1": gamma, "r2": gamma}
    settings["optimizers"] = {"discriminator": adam, "generator": adam}
    settings["networks"] = {
        "family": "residual",
        "latent_dim": inputs.LATENT_DIM,
        "channels": inputs.CHANNELS,
        "blocks": inputs.BLOCKS,
        "group_channels": inputs.GROUP_CHANNELS,
    }
    return Config.model_validate(settings)


def _step(gan: GAN, batch: Batch) -> dict[str, float]:
    tensors = {name: tf.constant(array) for name, array in batch._asdict().items()}
    return gan.train_on_batch(**tensors)
