"""Scores images against a reference, and records everything that the scores depend on."""

import datetime
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facegan_tf.common.versions import versions
from facegan_tf.data.cache import DEFAULT_CACHE, cache_folder
from facegan_tf.data.split import Split
from facegan_tf.data.store import FaceStore
from facegan_tf.evaluation.feature_network import FeatureNetwork
from facegan_tf.evaluation.features import BATCH, FeatureCache, extract
from facegan_tf.evaluation.generated import GeneratedImages, store_facts
from facegan_tf.evaluation.metrics import METRICS
from facegan_tf.evaluation.sides import Sides


@dataclass(frozen=True)
class Measure:
    """How to score images: the metrics, and everything that they need."""

    metrics: Sequence[str]
    """Names of the metrics to compute. Without a network, those that need features are left out."""
    network: FeatureNetwork | None
    """The network that computes features."""
    seed: int = 0
    """Decides which subsets, pairs, patches and directions are drawn."""
    batch_size: int = BATCH
    """Images that the network processes at once."""
    cache: str | Path = DEFAULT_CACHE
    """Folder that keeps the references' features."""


def score(
    generated: GeneratedImages,
    store: FaceStore,
    measure: Measure,
    began: float,
    split: Split | None = None,
) -> tuple[Sides, dict[str, Any]]:
    """Score N images against the first N of the store; return both sides, and the record.

    began: when the work began, by `time.perf_counter`; the record says how long all of it took. split: the
    images of the generator's run, if it is known and the store is the split's reference.
    """
    count, network = len(generated.images), measure.network
    searched = split.training if split else store
    sides = Sides(generated.images, store, searched, measure.seed)
    metrics = [METRICS[name] for name in measure.metrics if network or not METRICS[name].needs_features]
    seconds = {"generated images": time.perf_counter() - began}
    if network and any(metric.needs_features for metric in metrics):
        _compute_features(sides, network, measure, seconds)
    scores: dict[str, float] = {}
    results = {}
    for metric in metrics:
        with _timed(seconds, metric.name):
            result = results[metric.name] = metric.compute(sides)
        scores[metric.name] = result.value
        scores |= {f"{metric.name}_{part}": value for part, value in result.parts.items()}
    seconds["total"] = time.perf_counter() - began
    record = {
        "scores": scores,
        "reference_scores": {
            name: result.of_reference for name, result in results.items() if result.of_reference is not None
        },
        "warnings": [warning for result in results.values() for warning in result.warnings],
        "generated": {**generated.facts, "count": count, "size": store.size},
        "reference": {
            **store_facts(store),
            "count": count,
            "held_out": split.held_out if split else None,
            "searched_for_copies": len(searched),
        },
        "features": network.facts() if network else None,
        "seed": measure.seed,
        "settings": {name: result.settings for name, result in results.items() if result.settings},
        "versions": versions("tensorflow", "keras", "numpy", "pillow"),
        "seconds": {name: round(value, 3) for name, value in seconds.items()},
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }
    return sides, record


def _compute_features(
    sides: Sides, network: FeatureNetwork, measure: Measure, seconds: dict[str, float]
) -> None:
    count = len(sides.generated)
    with _timed(seconds, "generated features"):
        sides.generated_features = extract(
            network,
            lambda indices: sides.generated[indices],
            count,
            batch_size=measure.batch_size,
            what=f"{count:,} generated images",
        )
    with _timed(seconds, "reference features"):
        cache = FeatureCache(cache_folder(measure.cache))
        sides.reference_features = cache.features_of(sides.store, network, count, measure.batch_size)


@contextmanager
def _timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    """Record under `name` how long the block takes."""
    began = time.perf_counter()
    yield
    seconds[name] = time.perf_counter() - began
