"""facegan_tf: train a face GAN with Keras 3 and TensorFlow, and serve what it learned.

The public API, all that `__all__` names, in the order of use: `prepare` makes a store of faces from photos,
`load_config` reads settings, `build_gan` builds the nets, `describe` and `save_network_plot` tell what is
in them, `train` trains. `load_generator` draws faces with what was learned, `round_trip` finds the way
from face to face, `grid` and `save_gif` make pictures of them; `restore_run` gives the trained nets
back, and `export_savedmodel` writes their generator for serving. `notebooks/faces.ipynb` shows each at work.
"""

import importlib
import os
from typing import TYPE_CHECKING, Any

# Read by Keras when it is first imported; another backend has no SavedModel and no tf.data.
os.environ["KERAS_BACKEND"] = "tensorflow"

if TYPE_CHECKING:
    from facegan_tf.common.images import grid, save_gif
    from facegan_tf.config.load import load_config
    from facegan_tf.data.prepare import prepare
    from facegan_tf.model.gan import build_gan
    from facegan_tf.report.info import describe
    from facegan_tf.report.network_plot import save_network_plot
    from facegan_tf.run.restore import restore_run
    from facegan_tf.serving.export import export_savedmodel
    from facegan_tf.serving.generator import load_generator
    from facegan_tf.serving.interpolation import round_trip
    from facegan_tf.training.train import train

__all__ = [
    "build_gan",
    "describe",
    "export_savedmodel",
    "grid",
    "load_config",
    "load_generator",
    "prepare",
    "restore_run",
    "round_trip",
    "save_gif",
    "save_network_plot",
    "train",
]

_HOMES = {
    "build_gan": "facegan_tf.model.gan",
    "describe": "facegan_tf.report.info",
    "export_savedmodel": "facegan_tf.serving.export",
    "grid": "facegan_tf.common.images",
    "load_config": "facegan_tf.config.load",
    "load_generator": "facegan_tf.serving.generator",
    "prepare": "facegan_tf.data.prepare",
    "restore_run": "facegan_tf.run.restore",
    "round_trip": "facegan_tf.serving.interpolation",
    "save_gif": "facegan_tf.common.images",
    "save_network_plot": "facegan_tf.report.network_plot",
    "train": "facegan_tf.training.train",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: `import facegan_tf` itself stays instant."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
