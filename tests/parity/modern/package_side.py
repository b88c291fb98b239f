"""The same results as torch_reference.py's, computed by the package in float64."""

import importlib

import keras
import numpy as np
import tensorflow as tf

from facegan_tf.config.objective import ObjectiveSettings
from facegan_tf.config.settings import Config
from facegan_tf.model import ema
from facegan_tf.model.build import build_gan
from facegan_tf.model.gan import GAN
from facegan_tf.model.objectives import r1, r2
from facegan_tf.model.objectives.objective import GeneratorBatch
from tests.helpers.batches import discriminator_batch
from tests.helpers.configs import tiny_settings
from tests.parity.drawing import Arrays, Batch
from tests.parity.modern import inputs
from tests.parity.package_run import precision

ZERO = tf.UnconnectedGradients.ZERO


def loss_results(settings: dict, size: str, dtype: str = "float64") -> Arrays:
    """Both losses of `inputs.logits(size)` and their gradients with respect to them."""
    with precision(dtype):
        module = importlib.import_module(f"facegan_tf.model.objectives.{settings['loss']}")
        loss = module.Loss(ObjectiveSettings(**settings))
        fakes, reals, noise = (
            tf.constant(array.astype(dtype)) for array in (*inputs.logits(size), inputs.label_noise())
        )
        with tf.GradientTape(persistent=True) as tape:
            tape.watch([fakes, reals])
            logits = tf.concat([fakes, reals], axis=0)
            d_loss = loss.of_discriminator(discriminator_batch(logits=logits, label_noise=noise))
            seen = reals if loss.generator_sees_reals else None
            g_loss = loss.of_generator(GeneratorBatch(None, None, None, fakes, seen))
        found = {}
        for name, scalar in (("d_loss", d_loss), ("g_loss", g_loss)):
            gradients = tape.gradient(scalar, [fakes, reals], unconnected_gradients=ZERO)
            found |= {name: scalar.numpy(), f"{name}/fakes": gradients[0], f"{name}/reals": gradients[1]}
    return {name: np.asarray(array) for name, array in found.items()}


def penalty_results() -> Arrays:
    """R1 and R2 of the initial discriminator, and their gradients with respect to its weights."""
    with precision("float64"):
        net = build(inputs.LOSSES["hinge"]).discriminator
        reals, fakes = (tf.constant(images) for images in inputs.penalty_images())
        batch = discriminator_batch(net, reals, fakes)
        found = {}
        for name, module in (("r1", r1), ("r2", r2)):
            with tf.GradientTape() as tape:
                penalty = module.penalty(batch)
            variables = [variable.value for variable in net.trainable_variables]
            gradients = tape.gradient(penalty, variables, unconnected_gradients=ZERO)
            found[name] = penalty.numpy()
            for key, gradient in zip(inputs.initial_weights("discriminator"), gradients, strict=True):
                found[f"{name}/{key}"] = gradient.numpy()
    return found


def step_results(settings: dict) -> Arrays:
    """STEPS steps of a GAN: every term of the steps that have it, and each weight's change over all steps."""
    with precision("float64"):
        gan = build(settings)
        losses = [_step(gan, inputs.batch(step)) for step in range(inputs.STEPS)]
    found = {
        f"losses/{name}": np.array([step[name] for step in losses if name in step]) for name in losses[0]
    }
    for name, net in (("generator", gan.generator), ("discriminator", gan.discriminator)):
        before = inputs.initial_weights(name)
        for key, after in zip(before, net.get_weights(), strict=True):
            found[f"changes/{name}/{key}"] = after - before[key]
    return found


def average_results(case: inputs.Average) -> Arrays:
    """Every tensor of the average after each step, [AVERAGE_STEPS, ...]."""
    with precision("float64"):
        average, net = _averaged_net(), _averaged_net()
        average.set_weights(list(inputs.averaged_weights(0).values()))
        found: dict[str, list[np.ndarray]] = {name: [] for name in inputs.AVERAGED}
        for step in range(1, inputs.AVERAGE_STEPS + 1):
            net.set_weights(list(inputs.averaged_weights(step).values()))
            seen = tf.constant(case.seen_before + step * case.images, tf.int64)
            ema.update_average(average, net, case.half_life, seen, case.images)
            for name, array in zip(found, average.get_weights(), strict=True):
                found[name].append(array)
    return {name: np.stack(arrays) for name, arrays in found.items()}


def build(settings: dict) -> GAN:
    """The package's GAN with these settings of the objective and the initial weights, all in float64."""
    gan = build_gan(_config(settings))
    nets = [in_float64(net) for net in (gan.generator, gan.discriminator)]
    for net in nets:
        net.set_weights(list(inputs.initial_weights(net.name).values()))
    return GAN(*nets, gan.config)


def _config(settings: dict) -> Config:
    optimizers = {
        net: {
            "name": "adam",
            "learning_rate": rate,
            "beta1": inputs.BETA1,
            "beta2": inputs.BETA2,
            "epsilon": inputs.EPSILON,
        }
        for net, rate in inputs.LEARNING_RATES.items()
    }
    networks = {
        "latent_dim": inputs.LATENT_DIM,
        "leaky_slope": inputs.SLOPE,
        "generator": {
            "stem_channels": inputs.STEM,
            "body_channels": inputs.BODY,
            "head_channels": inputs.HEAD,
        },
        "discriminator": {"channels": inputs.CHANNELS, "dropout": 0.0},
    }
    training = {"batch_size": inputs.BATCH_SIZE}
    whole = tiny_settings(networks=networks, optimizers=optimizers, training=training)
    return Config.model_validate(whole | {"objective": settings})


def in_float64(net: keras.Model) -> keras.Model:
    """The net with every layer in float64; its last one is float32 by itself."""

    def cloned(layer: keras.Layer) -> keras.Layer:
        return type(layer).from_config(layer.get_config() | {"dtype": "float64"})

    return keras.models.clone_model(net, clone_function=cloned)


def _step(gan: GAN, batch: Batch) -> dict[str, float]:
    reals, reals_g, latents_d, latents_g, noise = (tf.constant(array) for array in batch)
    return gan.train_on_batch(reals, latents_d, latents_g, noise, reals_g)


def _averaged_net() -> keras.Model:
    given = keras.Input((inputs.AVERAGED["kernel"][0],))
    dense = keras.layers.Dense(inputs.AVERAGED["kernel"][1])
    return keras.Model(given, keras.layers.BatchNormalization()(dense(given)))
