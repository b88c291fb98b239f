"""Networks that turn images into features: Inception-v3, the graph of published FIDs, or any .keras file."""

import contextlib
import hashlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from facegan_tf.common.errors import FaceganError, InputError
from facegan_tf.evaluation.resize import NAME as RESIZE

INCEPTION_SIZE = 299
Range = tuple[float, float]


class NoNetworkError(FaceganError):
    """No feature network is to be had, though nothing wrong was asked for: it can't be downloaded."""


@dataclass(frozen=True)
class FeatureNetwork:
    """A network, and what scores made with it must be told with."""

    name: str
    size: int
    """Pixels a side that it takes."""
    range: Range
    """What black and white are scaled to for it."""
    sha256: str
    """Of its weights and of how it is built."""
    compute: Callable[[tf.Tensor], Any]
    """float32 [N, size, size, 3] in `range` -> features [N, D]."""

    def scaled(self, images: np.ndarray) -> np.ndarray:
        """0..255 -> `range`, float32."""
        low, high = self.range
        return images * np.float32((high - low) / 255) + np.float32(low)

    def facts(self) -> dict[str, Any]:
        """For the record."""
        return {
            "name": self.name,
            "sha256": self.sha256,
            "input_size": self.size,
            "range": list(self.range),
            "resize": RESIZE,
        }


def load_feature_network(
    name: str, weights: Path | None = None, input_range: Range | None = None
) -> FeatureNetwork:
    """The network of a name: `inception`, `inception-2015`, or the path of a .keras file.

    weights: a file of Inception's weights, in place of the download; `inception-2015` can't do without.
    input_range: what the .keras file takes black and white as (default: -1 and 1).
    Raises InputError for what can't be used, NoNetworkError if a download is needed and fails.
    """
    if weights is not None and not weights.is_file():
        raise InputError(f"--weights {weights}: no such file")
    if name.startswith("inception") and input_range is not None:
        raise InputError(f"--range: {name} has its own; leave it out")
    if name == "inception":
        return _inception(weights)
    if name == "inception-2015":
        return _inception_2015(weights)
    path = Path(name).expanduser()
    if path.suffix != ".keras":
        raise InputError(
            f"--features {name}: must be inception, inception-2015, none, or the path of a .keras file"
        )
    if weights is not None:
        raise InputError(f"--weights {weights}: a .keras file has its own; leave it out with {name}")
    return _keras_file(path, input_range or (-1.0, 1.0))


def _inception(weights: Path | None) -> FeatureNetwork:
    try:
        with contextlib.redirect_stdout(sys.stderr):  # Keras tells of its download where results go
            model = keras.applications.InceptionV3(
                include_top=False,
                pooling="avg",
                weights=str(weights) if weights else "imagenet",
                input_shape=(INCEPTION_SIZE, INCEPTION_SIZE, 3),
            )
    except Exception as error:
        if weights:
            raise InputError(
                f"--weights {weights}: are not those of Keras' InceptionV3 without its top: {_line(error)}"
            ) from error
        raise NoNetworkError(
            f"Inception's weights can't be downloaded ({_line(error)}). Three ways out: run this once where "
            "there is a network, Keras keeps the file in ~/.keras; or bring the file and give --weights "
            "inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5; or name another network with "
            "--features FILE.keras"
        ) from error
    return FeatureNetwork("inception", INCEPTION_SIZE, (-1.0, 1.0), _digest(model), _compiled(model))


def _inception_2015(weights: Path | None) -> FeatureNetwork:
    if weights is None:
        raise InputError(
            "--features inception-2015: needs --weights classify_image_graph_def.pb, a file of TensorFlow's "
            "models of 2015-12-05; there is no download of it here"
        )
    content = weights.read_bytes()
    graph = tf.Graph()
    try:
        definition = tf.compat.v1.GraphDef.FromString(content)
        with graph.as_default():
            # Behind the graph's own resizing, which aliases, and its scaling, done here: (x - 128) / 128.
            images = tf.compat.v1.placeholder(tf.float32, [None, INCEPTION_SIZE, INCEPTION_SIZE, 3])
            (pooled,) = tf.import_graph_def(definition, {"Mul:0": images}, ["pool_3:0"], name="")
    except Exception as error:
        raise InputError(
            f"--weights {weights}: is not the graph of Inception 2015-12-05, with tensors Mul and pool_3: "
            f"{_line(error)}"
        ) from error
    session = tf.compat.v1.Session(graph=graph)

    def compute(batch: tf.Tensor) -> np.ndarray:
        features = session.run(pooled, {images: np.asarray(batch)})
        return features.reshape(len(features), -1)

    digest = hashlib.sha256(content).hexdigest()
    return FeatureNetwork("inception-2015", INCEPTION_SIZE, (-1.0, 127 / 128), digest, compute)


def _keras_file(path: Path, input_range: Range) -> FeatureNetwork:
    if not path.is_file():
        raise InputError(f"--features {path}: no such file")
    low, high = input_range
    if not (np.isfinite([low, high]).all() and low < high):
        raise InputError(f"--range {low:g} {high:g}: must be two numbers, what black is and what white is")
    try:
        model = keras.saving.load_model(path, compile=False)
    except Exception as error:
        raise InputError(f"--features {path}: can't be loaded as a .keras file: {_line(error)}") from error
    shape, output = getattr(model, "input_shape", None), getattr(model, "output_shape", None)
    if not (
        isinstance(shape, tuple) and len(shape) == 4 and shape[1] and shape == (None, *shape[1:2] * 2, 3)
    ):
        raise InputError(
            f"--features {path}: takes {shape}; a feature network takes images (None, SIZE, SIZE, 3)"
        )
    if not (isinstance(output, tuple) and len(output) == 2 and output[1]):
        raise InputError(
            f"--features {path}: gives {output}; a feature network gives vectors (None, D): cut it off "
            "before, and end it with GlobalAveragePooling2D"
        )
    return FeatureNetwork(str(path), shape[1], (float(low), float(high)), _digest(model), _compiled(model))


def _compiled(model: keras.Model) -> Callable[[tf.Tensor], tf.Tensor]:
    spec = tf.TensorSpec([None, *model.input_shape[1:]], tf.float32)
    return tf.function(lambda images: model(images, training=False), input_signature=[spec])


def _digest(model: keras.Model) -> str:
    """SHA-256 of the weights, layer by layer, and of the layers' settings, which matter as much."""
    digest = hashlib.sha256()
    for layer in _layers(model):
        settings = {key: value for key, value in layer.get_config().items() if key != "name"}
        digest.update(f"{type(layer).__name__} {settings}".encode())
        for array in layer.get_weights():
            digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _layers(model: keras.Model) -> Iterator[keras.Layer]:
    """All layers, those of models within the model too."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _layers(layer)
        else:
            yield layer


def _line(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]
