"""`load_generator`: a trained generator, from a run directory or from an exported SavedModel."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from facegan_tf.common import draws
from facegan_tf.common.errors import InputError
from facegan_tf.common.images import split_batches
from facegan_tf.model.gan import GAN
from facegan_tf.run.restore import is_savedmodel, restore_run
from facegan_tf.serving.signatures import signatures

_INPUTS = {"serving_default": {"latents"}, "sample": {"seeds", "truncation"}}
"""Of the signatures of a SavedModel that faces are drawn by."""


class FaceGenerator:
    """Draws faces, as pixels, from latents or from seeds."""

    def __init__(self, functions: dict[str, Callable[..., dict[str, tf.Tensor]]], latent_dim: int):
        """functions: the signatures of `facegan_tf.serving.export`, by name."""
        self._functions = functions
        self.latent_dim = latent_dim
        self.loaded: object = None

    def draw(self, latents: np.ndarray) -> np.ndarray:
        """Latents float [N, latent_dim] -> faces uint8 [N, S, S, 3]. Raises ValueError for another shape."""
        latents = np.asarray(latents, np.float32)
        if latents.ndim != 2 or latents.shape[1] != self.latent_dim or not len(latents):
            raise ValueError(
                f"latents: shape {latents.shape}, must be [N, {self.latent_dim}] with N at least 1"
            )
        draw = self._functions["serving_default"]
        return np.concatenate([draw(latents=part)["images"].numpy() for part in split_batches(latents)])

    def sample(self, seeds: Sequence[int], truncation: float = 1.0) -> np.ndarray:
        """A face for each of one or more seeds, uint8 [N, S, S, 3]; the same seed is always the same face.

        truncation: the latents are multiplied by it, so that less than 1 gives more typical faces.
        """
        sample, scale = self._functions["sample"], tf.constant(truncation, tf.float32)
        all_seeds = np.array(list(seeds), np.int64)
        return np.concatenate(
            [sample(seeds=part, truncation=scale)["images"].numpy() for part in split_batches(all_seeds)]
        )

    def latents(self, seeds: Sequence[int]) -> np.ndarray:
        """The latents that `sample` draws from: float32 [N, latent_dim], N(0, 1)."""
        return draws.latents_of_seeds(tf.constant(list(seeds), tf.int64), self.latent_dim).numpy()


def load_generator(path: str | Path, checkpoint: str = "last") -> FaceGenerator:
    """Load from a run directory or from a SavedModel that a run was exported to.

    checkpoint: of a run, `last`, `best` (by its evaluations) or a step, `500`. Raises InputError if `path` is
    neither or damaged, or if there is no such checkpoint.
    """
    path = Path(path)
    if is_savedmodel(path):
        if checkpoint != "last":
            raise InputError(
                f"--checkpoint {checkpoint}: {path} is a SavedModel, which has one state; leave it out"
            )
        return _from_savedmodel(path)
    gan, _ = restore_run(path, checkpoint)
    return generator_of(gan)


def generator_of(gan: GAN) -> FaceGenerator:
    """The generator of a GAN, as it is at each call."""
    functions = {
        name: tf.function(function, input_signature=specs)
        for name, (function, specs) in signatures(gan.generator).items()
    }
    return FaceGenerator(functions, gan.config.networks.latent_dim)


def _from_savedmodel(path: Path) -> FaceGenerator:
    try:
        loaded = tf.saved_model.load(str(path))
    except Exception as error:  # nearly anything, IndexError among it, where a file was cut off
        words = " ".join(f"{error}".split())[:300]
        raise InputError(f"{path}: can't be loaded as a SavedModel: {words}; export the run again") from error
    found = getattr(loaded, "signatures", {})
    for name, inputs in _INPUTS.items():
        if name not in found or set(found[name].structured_input_signature[1]) != inputs:
            raise InputError(
                f"{path}: is not a SavedModel that `facegan export` wrote: it has no signature {name} of "
                f"{', '.join(sorted(inputs))}"
            )
    specs = found["serving_default"].structured_input_signature[1]
    generator = FaceGenerator(dict(found), specs["latents"].shape[1])
    generator.loaded = loaded  # its variables live only as long as it does
    return generator
