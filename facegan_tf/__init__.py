"""facegan_tf: train a face GAN with Keras 3 and TensorFlow, and serve what it has learned.

The public API is what `__all__` names. In the order of use:

prepare             make a store of faces from photos
load_config         read the settings of a run
build_gan           build the generator and the discriminator
describe            list their layers, parameters and FLOPs; `save_network_plot` draws them
train               train them, and return the run directory
load_generator      load a trained generator, and draw faces with it
round_trip          get the latents on the way from face to face; `grid` and `save_gif` make pictures
restore_run         load both trained nets
export_savedmodel   write a generator for serving

    from facegan_tf import load_config, load_generator, train

    run = train(load_config("configs/quickstart.yaml"), out="outputs/faces")
    faces = load_generator(run)

`notebooks/faces.ipynb` uses all of them. Other modules may change between versions.
"""

import importlib
import os
from typing import TYPE_CHECKING, Any

# Keras reads this when it is first imported. Any other value is kept, and refused before Keras is imported.
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

if TYPE_CHECKING:  # the same names as in _MODULES, for type checkers and editors
    from facegan_tf.common.images import grid as grid
    from facegan_tf.common.images import save_gif as save_gif
    from facegan_tf.config.load import load_config as load_config
    from facegan_tf.data.prepare import prepare as prepare
    from facegan_tf.model.build import build_gan as build_gan
    from facegan_tf.report.info import describe as describe
    from facegan_tf.report.network_plot import save_network_plot as save_network_plot
    from facegan_tf.run.restore import restore_run as restore_run
    from facegan_tf.serving.export import export_savedmodel as export_savedmodel
    from facegan_tf.serving.generator import load_generator as load_generator
    from facegan_tf.serving.interpolation import round_trip as round_trip
    from facegan_tf.training.train import train as train

_MODULES = {
    "build_gan": "facegan_tf.model.build",
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

__all__ = list(_MODULES)


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that `import facegan_tf` itself is instant."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from facegan_tf.common.keras_backend import require_tensorflow

    require_tensorflow()
    return getattr(importlib.import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES})
