"""The state of a GAN, variable by variable: its hash, its size, and whether it is finite."""

import hashlib
import math
from typing import Any

import keras
import numpy as np

from facegan_tf.model.gan import GAN


def state_variables(gan: GAN) -> dict[str, Any]:
    """Every variable of `gan.state()` once, by PART/PATH: the name of its part, and its own path."""
    found: dict[str, Any] = {}
    known = set()
    for name, part in gan.state().items():
        variables = part.variables if isinstance(part, (keras.Model, keras.optimizers.Optimizer)) else part
        for variable in variables if isinstance(variables, list) else [variables]:
            raw = variable.value if isinstance(variable, keras.Variable) else variable
            if id(raw) not in known:  # a net also holds its dropout seeds
                known.add(id(raw))
                found[f"{name}/{getattr(variable, 'path', variable.name)}"] = raw
    return found


def weights_sha256(gan: GAN) -> str:
    """SHA-256 of the bytes of all nets' weights, net by net in the order of `gan.state()`."""
    digest = hashlib.sha256()
    for net in (part for part in gan.state().values() if isinstance(part, keras.Model)):
        for array in net.get_weights():
            digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def state_bytes(gan: GAN) -> int:
    """Size of the whole state in bytes: what a checkpoint holds."""
    return sum(math.prod(each.shape) * each.dtype.size for each in state_variables(gan).values())


def nonfinite_variables(gan: GAN) -> dict[str, dict[str, int]]:
    """The variables that hold NaN or infinity, by name: how many values are `nan`, `infinite`, and in all."""
    found = {}
    for name, variable in state_variables(gan).items():
        values = np.asarray(variable.numpy())
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            counts = {"nan": int(np.isnan(values).sum()), "infinite": int(np.isinf(values).sum())}
            found[name] = counts | {"in_all": values.size}
    return found
