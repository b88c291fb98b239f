"""The feature networks, by name; any other is a .keras file."""

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np

from facegan_tf.common.errors import InputError
from facegan_tf.common.paths import path_of
from facegan_tf.evaluation.feature_network import FeatureNetwork, Range, network_of, with_type
from facegan_tf.evaluation.inception import load_inception, load_inception_2015

NO_NETWORK = "none"
"""The name that asks for no feature network."""

NETWORKS: dict[str, Callable[[Path | None], FeatureNetwork]] = {
    "inception": load_inception,
    "inception-2015": load_inception_2015,
}
"""Functions that load a network, by its name; each takes a file with the weights, or None."""


def load_feature_network(
    features: str, feature_weights: str | Path | None = None, input_range: Range | None = None
) -> FeatureNetwork:
    """Load a feature network: `inception`, `inception-2015`, or the path of a .keras file.

    feature_weights: a file with Inception's weights, in place of the download; `inception-2015` requires it.
    input_range: the values that the .keras file expects for black and for white (default: -1 and 1).
    Raises InputError for a network that can't be used, NoNetworkError if a download is needed and fails.
    """
    weights = path_of(feature_weights) if feature_weights is not None else None
    if weights is not None and not weights.is_file():
        raise InputError("feature_weights", weights, "no such file")
    if features in NETWORKS:
        if input_range is not None:
            raise InputError("input_range", input_range, f"{features} has its own; leave it out")
        return NETWORKS[features](weights)
    path = path_of(features)
    if path.suffix != ".keras":
        names = ", ".join((*NETWORKS, NO_NETWORK))
        raise InputError("features", features, f"must be {names}, or the path of a .keras file")
    if weights is not None:
        raise InputError("feature_weights", weights, f"{features} has its own weights; leave it out")
    return _load_keras_file(path, input_range or (-1.0, 1.0))


def _load_keras_file(path: Path, input_range: Range) -> FeatureNetwork:
    if not path.is_file():
        raise InputError("features", path, "no such file")
    low, high = input_range
    if not (np.isfinite([low, high]).all() and low < high):
        problem = "must be two finite numbers, the value of black and the larger value of white"
        raise InputError("input_range", input_range, problem)
    try:
        model = keras.saving.load_model(path, compile=False)
    except Exception as error:
        problem = f"can't be loaded as a .keras file: {with_type(error)}"
        raise InputError("features", path, problem) from error
    shape, output = getattr(model, "input_shape", None), getattr(model, "output_shape", None)
    if not (
        isinstance(shape, tuple) and len(shape) == 4 and shape[1] and shape == (None, *shape[1:2] * 2, 3)
    ):
        problem = f"takes {shape}; a feature network takes images (None, SIZE, SIZE, 3)"
        raise InputError("features", path, problem)
    if not (isinstance(output, tuple) and len(output) == 2 and output[1]):
        raise InputError(
            "features",
            path,
            f"returns {output}; a feature network returns vectors (None, D): end it with "
            "GlobalAveragePooling2D",
        )
    return network_of(model, str(path), shape[1], (float(low), float(high)))
