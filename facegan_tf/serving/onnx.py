"""Writes a generator as ONNX: latents float32 [N, L] to images uint8 [N, S, S, 3], for any N."""

import contextlib
import importlib.util
import logging
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from facegan_tf.common import draws
from facegan_tf.common.errors import FaceganError, InputError
from facegan_tf.common.images import to_uint8
from facegan_tf.model.precision import computing_in_type_of_weights
from facegan_tf.serving.model_facts import ModelFacts

OPSET = 18
"""Version of ONNX's operators: the newest that tf2onnx writes."""
CHECKED = 16
"""Number of faces compared with TensorFlow's."""


def check_packages(format: str) -> None:
    """Raise InputError if the packages that write and check ONNX, which `format` needs, are not installed."""
    missing = [name for name in ("tf2onnx", "onnx", "onnxruntime") if importlib.util.find_spec(name) is None]
    if missing:
        problem = f"needs {', '.join(missing)}; install facegan_tf[onnx]"
        raise InputError("format", format, problem)


def write_onnx(generator: keras.Model, path: Path, facts: ModelFacts) -> None:
    """Write a generator as the file `path`, and compare what it draws in ONNX Runtime with TensorFlow.

    It computes in float32, even if the generator was trained in 16 bits. Raises FaceganError if any pixel
    differs by more than 1.
    """
    import onnx
    import tf2onnx

    latent_dim = generator.input_shape[1]
    spec = tf.TensorSpec([None, latent_dim], tf.float32, name="latents")

    def draw(latents: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"images": to_uint8(generator(latents, training=False))}

    with computing_in_type_of_weights(generator), _quiet("tf2onnx"):
        function = tf.function(draw, input_signature=[spec])
        model, _ = tf2onnx.convert.from_function(function, input_signature=[spec], opset=OPSET)
        seeds = tf.range(CHECKED, dtype=tf.int64)
        latents = draws.latents_of_seeds(seeds, latent_dim).numpy()
        expected = function(latents)["images"].numpy()
    model.graph.output[0].type.tensor_type.shape.dim[0].dim_param = "N"
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "N"
    model.doc_string = "Latents, drawn from N(0, 1), to RGB images."
    onnx.helper.set_model_props(model, {"name": facts.name, "step": str(facts.step)})
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())
    _compare(path, latents, expected)


def _compare(path: Path, latents: np.ndarray, expected: np.ndarray) -> None:
    """Raise FaceganError if ONNX Runtime draws different images, in a batch or one at a time."""
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    for count in (len(latents), 1):
        images = session.run(["images"], {"latents": latents[:count]})[0]
        difference = np.abs(images.astype(int) - expected[:count]).max()
        if difference > 1:
            raise FaceganError(
                f"the ONNX file draws different faces from TensorFlow: pixels differ by up to {difference}; "
                "nothing was exported"
            )


@contextlib.contextmanager
def _quiet(logger: str) -> Iterator[None]:
    """In the block, a library logs only errors."""
    before = logging.getLogger(logger).level
    logging.getLogger(logger).setLevel(logging.ERROR)
    try:
        yield
    finally:
        logging.getLogger(logger).setLevel(before)
