"""What the nets learn by: targets, label noise, the loss."""

import keras
import tensorflow as tf

from facegan_tf import draws
from facegan_tf.config import ObjectiveSettings


def adversarial_loss() -> keras.losses.Loss:
    """Mean binary cross-entropy of logits [N, 1] against targets [N, 1].

    Targets above 1, which label noise can make, are meant: the sources use them so.
    """
    return keras.losses.BinaryCrossentropy(from_logits=True)


def critic_targets(objective: ObjectiveSettings, batch_size: int, seed: int, step: int) -> tf.Tensor:
    """Targets float32 [2 * batch_size, 1] of the discriminator's step: the fakes', then the reals'."""
    targets = tf.repeat([[objective.fake_target], [objective.real_target]], batch_size, axis=0)
    noise = draws.uniform(seed, step, draws.Stream.LABEL_NOISE, [2 * batch_size, 1])
    return targets + objective.label_noise * noise


def generator_targets(objective: ObjectiveSettings, batch_size: int) -> tf.Tensor:
    """Targets float32 [batch_size, 1] of the generator's step."""
    return tf.fill([batch_size, 1], objective.generator_target)
