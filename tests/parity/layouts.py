"""Conversion of tensors from a source's layout to Keras' and back.

                               Keras                      PyTorch
kernel of a convolution        [height, width, in, out]   [out, in, height, width]
of a transposed convolution    [height, width, out, in]   [in, out, height, width]
of a dense layer               [in, out]                  [out, in]
flattened map                  (y, x, channel)            (channel, y, x)
"""

import numpy as np

from tests.parity.layers import Parameter


def to_keras(parameter: Parameter, array: np.ndarray) -> np.ndarray:
    """A tensor in the source's layout, converted to the layout of the package's net."""
    kind, _, side = parameter.layer.partition(" ")
    if kind in ("conv", "deconv"):
        return array.transpose(2, 3, 1, 0)
    if kind == "linear_to":  # weight [channel * y * x, in] or bias [channel * y * x]
        return _channels_last(array, int(side)).T
    if kind == "linear_of" and parameter.role == "weight":
        return _channels_last(array.T, int(side))
    return array


def from_keras(parameter: Parameter, array: np.ndarray) -> np.ndarray:
    """The inverse of `to_keras`."""
    places = to_keras(parameter, np.arange(array.size).reshape(parameter.shape))
    source = np.empty(array.size, array.dtype)
    source[places.ravel()] = array.ravel()
    return source.reshape(parameter.shape)


def _channels_last(array: np.ndarray, side: int) -> np.ndarray:
    """[channel * y * x, ...] -> [y * x * channel, ...]"""
    maps = array.reshape(-1, side, side, *array.shape[1:])
    return np.moveaxis(maps, 0, 2).reshape(array.shape)
