"""Reads the inputs of a `:predict` request, in both formats of TensorFlow Serving, and writes its outputs.

Source: https://www.tensorflow.org/tfx/serving/api_rest
"""

import base64
from collections.abc import Mapping
from typing import Any

import numpy as np

from facegan_tf.serving.server.errors import RefusedError

INPUTS = {"serving_default": ("latents",), "png": ("latents",), "sample": ("seeds", "truncation")}
"""The inputs of each signature."""
OUTPUTS = {"serving_default": ("images",), "png": ("image_bytes",), "sample": ("image_bytes", "images")}
"""The outputs of each signature."""


def signature_of(body: dict[str, Any]) -> str:
    """The signature that a request names. Raises RefusedError if there is no such signature."""
    name = body.get("signature_name", "serving_default")
    if not isinstance(name, str) or name not in INPUTS:
        raise RefusedError(400, f'Serving signature name: "{str(name)[:60]}" not found in signature def')
    return name


def inputs_of(body: dict[str, Any], signature: str) -> tuple[dict[str, Any], bool]:
    """The inputs by name, and whether the request has the row format.

    In the row format (`instances`) each input is a list with one value for each row.
    """
    if "instances" in body and "inputs" in body:
        raise RefusedError(400, "Request has both 'instances' and 'inputs' keys; give one of them")
    names = INPUTS[signature]
    if "inputs" in body:
        given = body["inputs"]
        columns = given if isinstance(given, dict) and "b64" not in given else {names[0]: given}
        if not isinstance(given, dict) and len(names) > 1:
            raise RefusedError(400, f"inputs: must be an object with the keys {', '.join(names)}")
        return _named(columns, names), False
    if "instances" not in body:
        raise RefusedError(400, "Missing 'inputs' or 'instances' key")
    rows = body["instances"]
    if not isinstance(rows, list) or not rows:
        raise RefusedError(400, "instances: must be a list with one entry or more")
    if not isinstance(rows[0], dict):
        if len(names) > 1:
            raise RefusedError(400, f"instances: each must be an object with the keys {', '.join(names)}")
        return {names[0]: rows}, True
    if not all(isinstance(row, dict) and row.keys() == rows[0].keys() for row in rows):
        raise RefusedError(400, "instances: all must have the same keys")
    _named(rows[0], names)
    return {name: [row[name] for row in rows] for name in names}, True


def _named(values: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    if values.keys() != set(names):
        given = ", ".join(sorted(map(str, values)))[:100]
        raise RefusedError(
            400, f"the signature's inputs are {', '.join(names)}, but the request has: {given}"
        )
    return dict(values)


def latents_of(value: Any, latent_dim: int, most: int) -> np.ndarray:
    """Latents float32 [N, L], for N up to `most`. Raises RefusedError for anything else."""
    latents = _numbers("latents", value, "a list of lists of numbers")
    if latents.ndim != 2 or latents.shape[1] != latent_dim:
        shape = list(latents.shape)
        raise RefusedError(400, f"latents: have the shape {shape}; they must have [N, {latent_dim}]")
    _check_count("latents", len(latents), most)
    with np.errstate(over="ignore"):  # what float32 can't hold becomes infinite
        latents = latents.astype(np.float32)
    if not np.isfinite(latents).all():
        raise RefusedError(400, "latents: must be finite, and fit float32")
    return latents


def seeds_of(value: Any, most: int) -> list[int]:
    """Whole numbers, up to `most` of them; the generator checks their range. Raises RefusedError."""
    if not isinstance(value, list) or not all(type(seed) is int for seed in value):
        raise RefusedError(400, "seeds: must be a list of whole numbers")
    _check_count("seeds", len(value), most)
    return value


def truncation_of(value: Any, count: int) -> np.ndarray:
    """Truncations float32 [] or [count]. Raises RefusedError for anything else."""
    scales = _numbers("truncation", value, "a number, or a list of numbers")
    if scales.shape not in ((), (count,)):
        problem = f"one number, or one for each seed; its shape is {list(scales.shape)}, for {count:,} seeds"
        raise RefusedError(400, f"truncation: must be {problem}")
    with np.errstate(over="ignore"):
        scales = scales.astype(np.float32)
    if not np.isfinite(scales).all():
        raise RefusedError(400, "truncation: must be finite, and fit float32")
    return scales


def _numbers(name: str, value: Any, wanted: str) -> np.ndarray:
    # Before NumPy sees it: with one long text among many short ones, every text would take as much memory.
    if not _has_only_numbers(value):
        raise RefusedError(400, f"{name}: must be {wanted}")
    try:
        numbers = np.array(value)
    except (ValueError, TypeError, OverflowError):  # lists of different lengths
        raise RefusedError(400, f"{name}: must be {wanted}, all of one length") from None
    if numbers.size and numbers.dtype.kind not in "iuf":
        raise RefusedError(400, f"{name}: must be {wanted}")
    return numbers


def _has_only_numbers(value: Any, depth: int = 8) -> bool:
    """Whether this is a number, or numbers in lists nested up to `depth` deep."""
    if isinstance(value, list):
        return depth > 0 and all(_has_only_numbers(each, depth - 1) for each in value)
    return type(value) in (int, float)  # not bool


def _check_count(name: str, count: int, most: int) -> None:
    if count > most:
        raise RefusedError(
            400, f"{name}: {count:,} faces are too many; ask for at most {most:,} in a request"
        )


def answer_of(outputs: dict[str, Any], in_rows: bool) -> dict[str, Any]:
    """The response with these outputs, each with one entry per face, in the format of the request."""
    if in_rows:
        if len(outputs) == 1:
            return {"predictions": next(iter(outputs.values()))}
        names = list(outputs)
        return {
            "predictions": [dict(zip(names, row, strict=True)) for row in zip(*outputs.values(), strict=True)]
        }
    return {"outputs": next(iter(outputs.values())) if len(outputs) == 1 else outputs}


def as_b64(file: bytes) -> dict[str, str]:
    """Bytes as TensorFlow Serving writes them in JSON."""
    return {"b64": base64.b64encode(file).decode("ascii")}


def metadata(name: str, version: int, latent_dim: int, size: int) -> dict[str, Any]:
    """The response to `/v1/models/NAME/metadata`."""
    tensors = {
        "latents": ("DT_FLOAT", [-1, latent_dim]),
        "seeds": ("DT_INT64", [-1]),
        "truncation": ("DT_FLOAT", None),
        "images": ("DT_UINT8", [-1, size, size, 3]),
        "image_bytes": ("DT_STRING", [-1]),
    }

    def described(signature: str, names: tuple[str, ...]) -> dict[str, Any]:
        return {each: _tensor(f"{signature}_{each}:0", *tensors[each]) for each in names}

    definitions = {
        signature: {
            "inputs": described(signature, INPUTS[signature]),
            "outputs": described(signature, OUTPUTS[signature]),
            "method_name": "tensorflow/serving/predict",
            "defaults": {},
        }
        for signature in INPUTS
    }
    return {
        "model_spec": {"name": name, "signature_name": "", "version": str(version)},
        "metadata": {"signature_def": {"signature_def": definitions}},
    }


def _tensor(name: str, dtype: str, shape: list[int] | None) -> dict[str, Any]:
    sides = [{"size": str(side), "name": ""} for side in shape or []]
    return {"dtype": dtype, "tensor_shape": {"dim": sides, "unknown_rank": shape is None}, "name": name}
