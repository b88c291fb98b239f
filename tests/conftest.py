"""Fixtures that all tests share."""

import os

from tests.helpers.configs import make_store

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import signal
from pathlib import Path

import pytest

for ignored in (signal.SIGINT, signal.SIGHUP):
    # Under nohup and in background jobs these are ignored, and the processes that tests start would inherit
    # that. A handler of ours is not inherited.
    if signal.getsignal(ignored) == signal.SIG_IGN:
        signal.signal(ignored, lambda *_: None)


@pytest.fixture(scope="session")
def store_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of 24 images of noise, 32 pixels wide."""
    return make_store(tmp_path_factory.mktemp("stores") / "noise", 24)


@pytest.fixture(scope="session")
def network_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A feature network in a .keras file: images of 32 pixels in, 6 features out."""
    import keras

    keras.utils.set_random_seed(1)
    images = keras.Input((32, 32, 3))
    maps = keras.layers.Conv2D(6, 5, strides=3, activation="leaky_relu")(images)
    path = tmp_path_factory.mktemp("networks") / "small.keras"
    keras.Model(images, keras.layers.GlobalAveragePooling2D()(maps)).save(path)
    return path
