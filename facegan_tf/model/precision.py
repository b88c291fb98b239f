"""The types that nets compute in."""

import contextlib
import contextvars
from collections.abc import Iterator, Sequence

import keras
import tensorflow as tf

from facegan_tf.common.processor import processor_flags
from facegan_tf.config.settings import Config

_BFLOAT16_FLAGS = frozenset({"amx_bf16", "avx512_bf16"})
_BFLOAT16_CAPABILITY = (8, 0)
"""Compute capability from which NVIDIA's GPUs multiply in bfloat16."""


def has_fast_bfloat16() -> bool:
    """Whether all devices that TensorFlow computes on have instructions for bfloat16.

    Without them, a CPU trains several times slower in bfloat16 than in float32.
    """
    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return not _BFLOAT16_FLAGS.isdisjoint(processor_flags())
    details = (tf.config.experimental.get_device_details(gpu) for gpu in gpus)
    return all(each.get("compute_capability", (0, 0)) >= _BFLOAT16_CAPABILITY for each in details)


def with_known_precision(config: Config) -> Config:
    """The config, with the type that suits this machine's devices in place of `training.precision: auto`."""
    if config.training.precision != "auto":
        return config
    chosen = "bfloat16" if has_fast_bfloat16() else "float32"
    training = config.training.model_copy(update={"precision": chosen})
    return config.model_copy(update={"training": training})


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


_exact: contextvars.ContextVar[Sequence] = contextvars.ContextVar("exact", default=())
"""(layer, policy) of the layers that this thread makes compute in the type of their weights."""


@contextlib.contextmanager
def computing_in_type_of_weights(net: keras.Model) -> Iterator[None]:
    """In the block, the net's calls compute in the type of its weights: float32 under any precision."""
    layers = net._flatten_layers()  # including layers inside layers, which `net.layers` leaves out
    token = _exact.set([(layer, layer.dtype_policy) for layer in layers])
    try:
        _use_type_of_weights()
        yield
    finally:
        _use_own_types()
        _exact.reset(token)


@contextlib.contextmanager
def as_other_replicas_compute() -> Iterator[None]:
    """In the block, `computing_in_type_of_weights` has no effect.

    TensorFlow builds the graphs of several replicas in turn, in threads that share the layers. It switches
    between them wherever they add something up.
    """
    _use_own_types()
    try:
        yield
    finally:
        _use_type_of_weights()


def _use_type_of_weights() -> None:
    for layer, _ in _exact.get():
        layer.dtype_policy = layer.variable_dtype


def _use_own_types() -> None:
    for layer, policy in _exact.get():
        layer.dtype_policy = policy
