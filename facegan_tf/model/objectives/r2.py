"""R2: half the mean squared norm of the discriminator's gradient at the fakes.

Mescheder, Geiger and Nowozin, "Which Training Methods for GANs do actually Converge?" (2018), eq. 10.
"""

import tensorflow as tf

from facegan_tf.model.objectives.gradients import mean_squared_norm
from facegan_tf.model.objectives.objective import DiscriminatorBatch

UNIT = "gradient penalty"


def penalty(batch: DiscriminatorBatch) -> tf.Tensor:
    """The penalty as a scalar, not yet multiplied by its weight, gamma."""
    return 0.5 * mean_squared_norm(batch.logits_of_fakes, batch.fakes)
