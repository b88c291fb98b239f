"""facegan_tf: train a face GAN with Keras 3 and TensorFlow, and serve what it learned.

The public API: `load_config`, `build_gan`, `train` and `load_generator`.
"""

import importlib
import os
from typing import TYPE_CHECKING, Any

# Read by Keras when it is first imported; another backend has no SavedModel and no tf.data.
os.environ["KERAS_BACKEND"] = "tensorflow"

if TYPE_CHECKING:
    from facegan_tf.config import load_config
    from facegan_tf.gan import build_gan
    from facegan_tf.generator import load_generator
    from facegan_tf.training.train import train

__all__ = ["build_gan", "load_config", "load_generator", "train"]

_HOMES = {
    "load_config": "facegan_tf.config",
    "build_gan": "facegan_tf.gan",
    "load_generator": "facegan_tf.generator",
    "train": "facegan_tf.training.train",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: `import facegan_tf` itself stays instant."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
