"""Refuses layers that several devices would compute differently from one device."""

import keras

from facegan_tf.common.errors import InputError
from facegan_tf.model.layers.batch_normalization import BatchNormalization
from facegan_tf.model.layers.dropout import Dropout


def check_layers(net: keras.Model) -> None:
    """Raise InputError for layers that see only their device's share of a batch, or draw the same on each."""
    for layer in net._flatten_layers():
        normalises = isinstance(layer, keras.layers.BatchNormalization)
        if normalises and not (isinstance(layer, BatchNormalization) and layer.is_plain()):
            _refuse(net, layer, "BatchNormalization, without options")
        if hasattr(layer, "seed_generator") and not isinstance(layer, Dropout):
            _refuse(net, layer, "Dropout")


def _refuse(net: keras.Model, layer: keras.Layer, use: str) -> None:
    problem = (
        f"its {net.name} has the layer {layer.name} ({type(layer).__name__}), which works on each device's "
        f"share alone; use {use} from facegan_tf.model.layers, or train on one device"
    )
    raise InputError("networks.family", None, problem)
