"""The types that nets compute in."""

import contextlib
from collections.abc import Iterator

import keras


@contextlib.contextmanager
def computing_in(precision: str) -> Iterator[None]:
    """In the block, new layers compute in this type; their weights stay float32."""
    before = keras.config.dtype_policy()
    if precision != "float32":
        keras.config.set_dtype_policy(f"mixed_{precision}")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


@contextlib.contextmanager
def computing_in_type_of_weights(net: keras.Model) -> Iterator[None]:
    """In the block, the net's calls compute in the type of its weights: float32 under any precision."""
    layers = net._flatten_layers()  # with layers inside layers, which `net.layers` leaves out
    before = [layer.dtype_policy for layer in layers]
    try:
        for layer in layers:
            layer.dtype_policy = layer.variable_dtype
        yield
    finally:
        for layer, policy in zip(layers, before, strict=True):
            layer.dtype_policy = policy
