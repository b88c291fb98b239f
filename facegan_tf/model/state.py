"""The state of a GAN: everything that a step depends on and changes."""

import hashlib
import math

import keras
import numpy as np
import tensorflow as tf

from facegan_tf.model.gan import GAN


def weights_sha256(gan: GAN) -> str:
    """SHA-256 of all weights' bytes, the generator's and then the discriminator's, in layer order."""
    digest = hashlib.sha256()
    for model in (gan.generator, gan.discriminator):
        for array in model.get_weights():
            digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def seed_states(model: keras.Model) -> list[tf.Variable]:
    """The states of the model's dropout seeds, which no Keras format saves."""
    return [v.value for v in model.variables if "seed_generator_state" in v.path]


def state_bytes(gan: GAN) -> int:
    """Bytes of both nets and both optimizers: what a checkpoint holds."""
    variables = [*gan.generator.variables, *gan.discriminator.variables]
    variables += [*gan.critic.optimizer.variables, *gan.combined.optimizer.variables]
    return 4 * sum(math.prod(variable.shape) for variable in variables)
