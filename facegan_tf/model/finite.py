"""NaN and infinity in losses and weights."""

import math
from typing import Any

import numpy as np

from facegan_tf.common.errors import FaceganError
from facegan_tf.model.gan import GAN


class NonFiniteError(FaceganError):
    """Losses or weights are not finite: nothing that is made from them is worth the time."""

    def __init__(self, after: int, step: int, losses: dict[str, float], variables: dict[str, Any]):
        """Between step `after`, whose losses were finite, and step `step`, of which the other numbers are.

        variables: of each that is not finite, by its path: how many values are `nan`, `infinite`, and in all.
        """
        what = ", ".join(f"{name} is {loss}" for name, loss in losses.items() if not math.isfinite(loss))
        super().__init__(
            f"between step {after} and step {step} the numbers stopped being finite: "
            f"{what or 'weights are not, in ' + ', '.join(variables)}"
        )
        self.after, self.step, self.losses, self.variables = after, step, losses, variables


def nonfinite_variables(gan: GAN) -> dict[str, Any]:
    """Of each variable of nets and optimizers with NaN or infinity, by its path, how many there are."""
    owners = (gan.generator, gan.discriminator, gan.combined.optimizer, gan.critic.optimizer)
    found = {}
    for variable in (variable for owner in owners for variable in owner.variables):
        values = np.asarray(variable.numpy())
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            counts = {"nan": int(np.isnan(values).sum()), "infinite": int(np.isinf(values).sum())}
            found[variable.path] = counts | {"in_all": values.size}
    return found
