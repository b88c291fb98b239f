"""Whether the faster 16-bit code can run."""

from typing import Any

import tensorflow as tf


def in_16_bits_on_a_cpu(inputs: Any) -> bool:
    """Whether these inputs of a layer are tensors of bfloat16 or float16, and TensorFlow sees no GPU."""
    half = isinstance(inputs, tf.Tensor) and inputs.dtype in (tf.bfloat16, tf.float16)
    return half and not tf.config.get_visible_devices("GPU")
