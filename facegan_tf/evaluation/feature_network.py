"""Feature networks turn images into the features that FID and other metrics compare."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from facegan_tf.common.errors import InputError, in_one_line
from facegan_tf.evaluation.resize import NAME as RESIZE

Range = tuple[float, float]
"""The values that a network expects for black and for white."""


class NoNetworkError(InputError):
    """The feature network could not be downloaded."""


@dataclass(frozen=True)
class FeatureNetwork:
    """A network, and the facts that every score computed with it must state."""

    name: str
    size: int
    """Width of the images it takes, in pixels."""
    range: Range
    sha256: str
    """Hash of its weights and layers."""
    compute: Callable[[tf.Tensor], Any]
    """Images float32 [N, size, size, 3] in `range` -> features [N, D]."""

    def scaled(self, images: np.ndarray) -> np.ndarray:
        """Images with values 0 to 255 -> float32 in `range`."""
        low, high = self.range
        return images * np.float32((high - low) / 255) + np.float32(low)

    def facts(self) -> dict[str, Any]:
        """The facts for an evaluation's record: JSON values."""
        return {
            "name": self.name,
            "sha256": self.sha256,
            "input_size": self.size,
            "range": list(self.range),
            "resize": RESIZE,
        }


def network_of(model: keras.Model, name: str, size: int, input_range: Range) -> FeatureNetwork:
    """Wrap a Keras model that maps images [N, size, size, 3] in `input_range` to features [N, D]."""
    spec = tf.TensorSpec([None, *model.input_shape[1:]], tf.float32)
    compute = tf.function(lambda images: model(images, training=False), input_signature=[spec])
    return FeatureNetwork(name, size, input_range, _digest(model), compute)


def with_type(error: BaseException) -> str:
    """A library's error and its type as one line for a message."""
    return in_one_line(f"{type(error).__name__}: {error}")


def _digest(model: keras.Model) -> str:
    """SHA-256 of each layer's weights and settings: both decide what the features are."""
    digest = hashlib.sha256()
    for layer in _layers(model):
        settings = {key: value for key, value in layer.get_config().items() if key != "name"}
        digest.update(f"{type(layer).__name__} {settings}".encode())
        for array in layer.get_weights():
            digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _layers(model: keras.Model) -> Iterator[keras.Layer]:
    """All layers, including those of models inside the model."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _layers(layer)
        else:
            yield layer
