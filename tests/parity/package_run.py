"""The recipes as the package runs them: its configs, its nets, its training step."""

import contextlib
from collections.abc import Callable, Iterator

import keras
import numpy as np
import tensorflow as tf

from facegan_tf import build_gan, load_config
from facegan_tf.config.settings import Config
from tests.helpers import paths
from tests.parity import inputs
from tests.parity.layers import parameters
from tests.parity.layouts import from_keras, to_keras
from tests.parity.results import Tensors

CONFIGS = paths.CONFIGS


def narrow_config(recipe: str, divisor: int) -> Config:
    """configs/NAME.yaml with every width divided, and no dropout, as each framework draws its own masks."""
    path = CONFIGS / f"{recipe}.yaml"
    networks = load_config(path).networks
    overrides = []
    for net in ("generator", "discriminator"):
        for setting, value in getattr(networks, net):
            key = f"networks.{net}.{setting}"
            if setting == "channels" and isinstance(value, tuple):
                overrides.append(f"{key}={[channels // divisor for channels in value]}")
            elif setting.endswith("channels"):
                overrides.append(f"{key}={value // divisor}")
            elif setting == "dropout":
                overrides.append(f"{key}=0")
    return load_config(path, overrides)


@contextlib.contextmanager
def precision(dtype: str) -> Iterator[None]:
    """In the block, build and train in `dtype`, "float32" or "float64", and don't round to TF32 on GPUs."""
    floatx, policy = keras.config.floatx(), keras.config.dtype_policy()
    rounds = tf.config.experimental.tensor_float_32_execution_enabled()
    keras.config.set_floatx(dtype)
    keras.config.set_dtype_policy(dtype)
    tf.config.experimental.enable_tensor_float_32_execution(False)
    try:
        yield
    finally:
        keras.config.set_floatx(floatx)
        keras.config.set_dtype_policy(policy)
        tf.config.experimental.enable_tensor_float_32_execution(rounds)


class PackageRun:
    """A recipe's GAN with the same initial weights as its source."""

    def __init__(self, recipe: str, divisor: int):
        self.config = narrow_config(recipe, divisor)
        self.gan = build_gan(self.config)
        self.nets = {"generator": self.gan.generator, "discriminator": self.gan.discriminator}
        self.parameters = {net: parameters(recipe, net, divisor) for net in self.nets}
        for net, model in self.nets.items():
            drawn = inputs.initial_weights(recipe, net, divisor)
            model.set_weights([to_keras(p, drawn[p.name]) for p in self.parameters[net]])
            # The package makes the nets' last layers float32. Even rounding there would not stay small
            # (compare.py says why), and a float32 tanh differs between processors.
            model.layers[-1].dtype_policy = keras.config.dtype_policy()
        self._gradients = {
            "discriminator": _keep_gradients(self.gan.critic.optimizer),
            "generator": _keep_gradients(self.gan.combined.optimizer),
        }

    def images(self, latents: np.ndarray, training: bool) -> np.ndarray:
        """Images [N, S, S, 3] of latents."""
        return _outputs(self.gan.generator, latents, training)

    def logits(self, reals: np.ndarray, training: bool) -> np.ndarray:
        """Logits [N, 1] of images."""
        return _outputs(self.gan.discriminator, reals, training)

    def step(self, batch: inputs.Batch, keep_gradients: bool) -> inputs.Step:
        """Make one step of the package's own; return its losses and, if `keep_gradients`, its gradients."""
        latents_g = batch.latents_d if self.config.objective.reuse_latents else batch.latents_g
        losses = self.gan.train_on_batch(
            *(tf.constant(array) for array in (batch.reals, batch.latents_d, latents_g, batch.label_noise))
        )
        gradients = {}
        if keep_gradients:
            for net, read in self._gradients.items():
                learned = [p for p in self.parameters[net] if "running" not in p.role]
                gradients[net] = {p.name: from_keras(p, g) for p, g in zip(learned, read(), strict=True)}
        return inputs.Step(losses["d_loss"], losses["g_loss"], gradients)

    def weights(self) -> Tensors:
        """All tensors of both nets, including running averages, in the source's layout."""
        return {
            net: {
                p.name: from_keras(p, array)
                for p, array in zip(self.parameters[net], model.get_weights(), strict=True)
            }
            for net, model in self.nets.items()
        }


def _outputs(model: keras.Model, given: np.ndarray, training: bool) -> np.ndarray:
    before = model.get_weights()
    outputs = model(given, training=training).numpy()
    model.set_weights(before)  # training mode moves the running averages
    return outputs


def _keep_gradients(optimizer: keras.optimizers.Optimizer) -> Callable[[], list[np.ndarray]]:
    """Make an optimizer keep each step's gradients; return a function that reads the last ones.

    They are kept in variables, because `train_on_batch` runs the step as a graph.
    """
    kept: list[tf.Variable] = []
    apply = optimizer.apply

    def keep_and_apply(
        gradients: list[tf.Tensor], variables: list[keras.Variable] | None = None
    ) -> tf.Tensor | None:
        with tf.init_scope():  # outside the graph, the first time
            kept.extend(tf.Variable(tf.zeros(g.shape, g.dtype)) for g in gradients[len(kept) :])
        for variable, gradient in zip(kept, gradients, strict=True):
            variable.assign(gradient)
        return apply(gradients, variables)

    optimizer.apply = keep_and_apply
    return lambda: [variable.numpy() for variable in kept]
