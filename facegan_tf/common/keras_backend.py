"""Keras' backend: TensorFlow. With another one the nets would train against each other's old weights."""

import os
import sys

from facegan_tf.common.errors import InputError

VARIABLE = "KERAS_BACKEND"
NAME = "tensorflow"


def require_tensorflow() -> None:
    """Raise InputError if Keras computes with another backend than TensorFlow, or was told to."""
    keras = sys.modules.get("keras")
    told = os.environ.get(VARIABLE) or NAME
    used = keras.config.backend() if keras and hasattr(keras, "config") else told
    for backend in (told, used):
        if backend != NAME:
            problem = f"facegan_tf trains with Keras' {NAME} backend alone; unset {VARIABLE}"
            raise InputError(VARIABLE, backend, problem)
