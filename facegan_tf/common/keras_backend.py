"""Keras' backend: TensorFlow. With another, the nets would train against each other's old weights."""

import os
import sys

from facegan_tf.common.errors import InputError

VARIABLE = "KERAS_BACKEND"
NAME = "tensorflow"


def require_tensorflow() -> None:
    """Raise InputError if Keras uses a backend other than TensorFlow, or is configured to."""
    keras = sys.modules.get("keras")
    told = os.environ.get(VARIABLE) or NAME
    used = keras.config.backend() if keras and hasattr(keras, "config") else told
    for backend in (told, used):
        if backend != NAME:
            problem = f"facegan_tf works only with Keras' {NAME} backend; unset {VARIABLE}"
            raise InputError(VARIABLE, backend, problem)
