"""`load_generator`: a generator that draws faces, from a run directory or an exported SavedModel."""

import operator
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from facegan_tf.common import draws
from facegan_tf.common.errors import InputError, in_one_line
from facegan_tf.model.gan import GAN
from facegan_tf.run.restore import LAST, RunState, is_savedmodel, restore_run
from facegan_tf.serving.signatures import Signature, signatures

SEED_LIMIT = 2**63
"""Seeds must be below this: a SavedModel takes them as int64."""
BATCH = 4
"""Number of faces in every call of the network; a smaller batch is filled up.

The libraries that multiply matrices choose their order of summation by the number of rows, so the same
latents may give different bits in batches of another size. With batches of one size, a face depends only on
its own latents, and so `facegan sample` and `facegan serve` draw the same bytes, whatever is drawn together.
"""
AT_ONCE = 2
"""Number of batches drawn at the same time. On 2 cores, that gives as many faces per second as batches of 16
one after the other, and a single face is still drawn quickly.
"""

_INPUTS: dict[str, dict[str, tuple[tf.DType, int | None]]] = {
    "serving_default": {"latents": (tf.float32, 2)},
    "sample": {"seeds": (tf.int64, 1), "truncation": (tf.float32, None)},
}
"""Signatures that a SavedModel must have, with each input's type and rank (None: any rank)."""


class FaceGenerator:
    """Draws faces, as pixels, from seeds or from latents. Make one with `load_generator` or `of`."""

    def __init__(self, draw: Signature, latent_dim: int, savedmodel: object = None):
        """draw: the signature `serving_default` of `facegan_tf.serving.signatures`.

        savedmodel: the loaded SavedModel that it belongs to, which keeps the variables alive.
        """
        self._draw = draw
        self._savedmodel = savedmodel
        self.latent_dim = latent_dim
        self._latents = tf.function(
            lambda seeds: draws.latents_of_seeds(seeds, latent_dim),
            input_signature=[tf.TensorSpec([None], tf.int64)],
        )

    @classmethod
    def of(cls, gan: GAN, state: RunState = LAST) -> "FaceGenerator":
        """Draw with a GAN that may still be training: each call uses its current weights.

        state: its `weights` choose the net.
        """
        draw, specs = signatures(state.net_of(gan))["serving_default"]
        return cls(tf.function(draw, input_signature=specs), gan.config.networks.latent_dim)

    def draw(self, latents: np.ndarray) -> np.ndarray:
        """Draw a face from each latent: float [N, latent_dim] -> uint8 [N, S, S, 3], with N at least 1.

        Raises InputError for another shape.
        """
        latents = np.asarray(latents, np.float32)
        if latents.ndim != 2 or latents.shape[1] != self.latent_dim or not len(latents):
            problem = f"is their shape; it must be [N, {self.latent_dim}], with N at least 1"
            raise InputError("latents", list(latents.shape), problem)
        filled = np.pad(latents, [(0, -len(latents) % BATCH), (0, 0)])
        batches = np.split(filled, len(filled) // BATCH)
        with ThreadPoolExecutor(AT_ONCE) as threads:
            faces = list(threads.map(self._draw_batch, batches))  # on Ctrl-C, `map` cancels the rest
        return np.concatenate(faces)[: len(latents)]

    def _draw_batch(self, latents: np.ndarray) -> np.ndarray:
        return self._draw(latents=tf.constant(latents))["images"].numpy()

    def sample(
        self, seeds: Iterable[int], truncation: float | Sequence[float] | np.ndarray = 1.0
    ) -> np.ndarray:
        """Draw a face from each of N seeds: uint8 [N, S, S, 3]. The same seed always gives the same face.

        seeds: one or more whole numbers from 0 to 2^63 - 1.
        truncation: one number, or one for each seed, that the latents are multiplied by. Below 1 the faces
        are more typical and less varied; at 0 they are all the same.

        Raises InputError if a seed is out of range, or if `truncation` is not finite or has another length.
        """
        return self.draw(self.latents(seeds, truncation))

    def latents(
        self, seeds: Iterable[int], truncation: float | Sequence[float] | np.ndarray = 1.0
    ) -> np.ndarray:
        """Return the latents that `sample` draws from, float32 [N, latent_dim]: N(0, 1) at truncation 1."""
        latents = self._latents(tf.constant(checked_seeds(seeds))).numpy()
        return latents * _truncation_of_each(truncation, len(latents))[:, np.newaxis]


def load_generator(path: str | Path, checkpoint: str = "last", weights: str = "ema") -> FaceGenerator:
    """Load a trained generator from a run directory, or from a SavedModel that `export_savedmodel` wrote.

    checkpoint: which state of a run to load: `last`, `best` (by its evaluations), or a step such as `500`.
    weights: `ema`, the generator's moving average where the run keeps one, or `raw`, the generator itself.
    Raises InputError if `path` is neither or is damaged, or if the run has no such checkpoint.

    With a run in `outputs/quickstart`, which `make quickstart` trains:

    >>> from facegan_tf import load_generator
    >>> generator = load_generator("outputs/quickstart")
    >>> faces = generator.sample(seeds=[1, 2, 3], truncation=0.7)
    >>> faces.shape, str(faces.dtype)
    ((3, 32, 32, 3), 'uint8')
    """
    path = Path(path)
    if not is_savedmodel(path):
        gan, _ = restore_run(path, checkpoint)
        return FaceGenerator.of(gan, RunState(checkpoint, weights))
    for name, value, default in (("checkpoint", checkpoint, "last"), ("weights", weights, "ema")):
        if value != default:
            problem = f"{path} is a SavedModel, which holds a single state; leave `{name}` out"
            raise InputError(name, value, problem)
    return _from_savedmodel(path)


def _from_savedmodel(path: Path) -> FaceGenerator:
    try:
        loaded = tf.saved_model.load(str(path))
    except Exception as error:  # truncated files raise nearly anything, IndexError included
        problem = f"can't be loaded as a SavedModel: {in_one_line(error)}; export the run again"
        raise InputError(None, path, problem) from error
    found = dict(getattr(loaded, "signatures", {}))
    for name, inputs in _INPUTS.items():
        if name not in found or _types_and_ranks(found[name]) != inputs:
            problem = (
                f"is not a SavedModel that this version of `facegan export` wrote: its signature {name} "
                f"is missing or does not take {' and '.join(inputs)}; export the run again"
            )
            raise InputError(None, path, problem)
    latents = found["serving_default"].structured_input_signature[1]["latents"]
    return FaceGenerator(found["serving_default"], latents.shape[1], loaded)


def _types_and_ranks(signature: Any) -> dict[str, tuple[tf.DType, int | None]]:
    specs = signature.structured_input_signature[1]
    return {name: (spec.dtype, spec.shape.rank) for name, spec in specs.items()}


def checked_seeds(seeds: Iterable[int]) -> np.ndarray:
    """Return the seeds as int64 [N]. Raises InputError unless there are one or more, all of them allowed."""
    given = list(seeds)
    if not given:
        raise InputError("seeds", given, "must be one or more whole numbers")
    try:
        numbers = [operator.index(seed) for seed in given]
    except TypeError:
        raise InputError("seeds", given, "must be whole numbers") from None
    if bad := [number for number in numbers if not 0 <= number < SEED_LIMIT]:
        raise InputError("seeds", bad[0], "must be 0 or more, and below 2^63")
    return np.array(numbers, np.int64)


def _truncation_of_each(truncation: float | Sequence[float] | np.ndarray, count: int) -> np.ndarray:
    """Return a truncation for each of `count` seeds: float32 [count]."""
    scales = np.asarray(truncation, np.float32)
    if scales.shape not in ((), (count,)):
        problem = f"is its shape; give one number, or one for each of the {count:,} seeds"
        raise InputError("truncation", list(scales.shape), problem)
    if not np.isfinite(scales).all():
        raise InputError("truncation", truncation, "must be finite")
    return np.broadcast_to(scales, (count,))
