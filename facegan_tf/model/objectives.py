"""What the nets learn by: targets, label noise, the loss."""

import keras
import numpy as np

from facegan_tf.config.objective import ObjectiveSettings


def adversarial_loss() -> keras.losses.Loss:
    """Mean binary cross-entropy of logits [N, 1] against targets [N, 1].

    Targets above 1, which label noise can make, are meant: the sources use them so.
    """
    return keras.losses.BinaryCrossentropy(from_logits=True)


def critic_weight(objective: ObjectiveSettings) -> float:
    """What the mean loss over reals and fakes together is multiplied by.

    There are as many of the one as of the other, so the sum of both means is twice the mean over all.
    """
    return 1.0 if objective.batching == "joint" else 2.0


def critic_targets(
    objective: ObjectiveSettings, batch_size: int, label_noise: np.ndarray | None = None
) -> np.ndarray:
    """Targets float32 [2 * batch_size, 1] of the discriminator's step: the fakes', then the reals'.

    label_noise: U(0, 1) of the same shape; `objective.label_noise` times it is added. None: nothing is.
    """
    each = np.array([[objective.fake_target], [objective.real_target]], np.float32)
    targets = np.repeat(each, batch_size, axis=0)
    return targets if label_noise is None else targets + np.float32(objective.label_noise) * label_noise


def generator_targets(objective: ObjectiveSettings, batch_size: int) -> np.ndarray:
    """Targets float32 [batch_size, 1] of the generator's step."""
    return np.full((batch_size, 1), objective.generator_target, np.float32)
