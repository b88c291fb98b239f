"""Computes the features of images, batch by batch, and caches those of references."""

import hashlib
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf

from facegan_tf.common.draws import untuned
from facegan_tf.common.errors import FaceganError
from facegan_tf.common.files import atomic_file
from facegan_tf.common.progress import progress
from facegan_tf.data.store import FaceStore
from facegan_tf.evaluation.feature_network import FeatureNetwork
from facegan_tf.evaluation.resize import NAME as RESIZE
from facegan_tf.evaluation.resize import resize

BATCH = 32
"""Default batch size, in images; features don't depend on it."""

Gather = Callable[[np.ndarray], np.ndarray]
"""Indices int64 [N] -> images uint8 [N, S, S, 3], as in `FaceStore.gather`."""


def extract(
    network: FeatureNetwork, gather: Gather, count: int, *, batch_size: int = BATCH, what: str = "images"
) -> np.ndarray:
    """Features float32 [count, D] of the images 0 to count - 1.

    The next batches are resized while the network works on one. what: the images' name in the progress bar
    and in messages. Raises FaceganError if features are not finite.
    """

    def load(start: tf.Tensor) -> tf.Tensor:
        def ready(start: np.int64) -> np.ndarray:
            indices = np.arange(start, min(int(start) + batch_size, count))
            return network.scaled(resize(gather(indices), network.size))

        batch = tf.numpy_function(ready, [start], tf.float32, stateful=False)
        return tf.ensure_shape(batch, [None, network.size, network.size, 3])

    starts = tf.data.Dataset.range(0, count, batch_size)
    batches = starts.map(load, num_parallel_calls=2, deterministic=True).prefetch(1).with_options(untuned())
    parts = []
    with progress(count, f"features of {what}", "image") as bar:
        for batch in batches:
            parts.append(np.asarray(network.compute(batch), np.float32))
            bar.update(len(parts[-1]))
    features = np.concatenate(parts)
    if not np.isfinite(features).all():
        raise FaceganError(
            f"the features of the {what} are not finite: is {network.name} intact, and does it take images "
            f"in {network.range[0]:g} ... {network.range[1]:g}?"
        )
    return features


class FeatureCache:
    """Features of stores' first images, in files named after fingerprint, network and count."""

    def __init__(self, folder: Path):
        self.folder = folder / "features"

    def path(self, store: FaceStore, network: FeatureNetwork, count: int) -> Path:
        """The file for the features of the store's first `count` images, whether or not it exists."""
        settings = f"{network.sha256} {network.size} {network.range} {RESIZE}"
        digest = hashlib.sha256(settings.encode()).hexdigest()
        return self.folder / f"{store.fingerprint[:16]}-{digest[:16]}-{count}.npy"

    def features_of(
        self, store: FaceStore, network: FeatureNetwork, count: int, batch_size: int = BATCH
    ) -> np.ndarray:
        """Features float32 [count, D] of the store's first images, from the cache or computed and cached."""
        path = self.path(store, network, count)
        try:
            features = np.load(path, allow_pickle=False)
            if len(features) != count:
                raise ValueError(f"it holds {features.shape}")
            return features
        except FileNotFoundError:
            pass
        except (OSError, ValueError, EOFError) as error:
            print(f"{path}: is damaged and will be computed again ({error})", file=sys.stderr)
        features = extract(
            network, store.gather, count, batch_size=batch_size, what=f"{count:,} reference images"
        )
        try:
            with atomic_file(path) as partial, partial.open("wb") as file:
                np.save(file, features)
        except OSError as error:  # the scores don't need the cache
            print(f"{path}: can't be kept for the next evaluation ({error})", file=sys.stderr)
        return features
