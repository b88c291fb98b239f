"""`facegan evaluate`: score a generator, or images, against real ones, and keep how it was done."""

import datetime
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facegan_tf.common.errors import InputError
from facegan_tf.common.files import writable_parent
from facegan_tf.common.versions import versions
from facegan_tf.config.load import load_config
from facegan_tf.data.locate import locate
from facegan_tf.data.store import FaceStore
from facegan_tf.evaluation import metrics
from facegan_tf.evaluation.feature_networks import FeatureNetwork, NoNetworkError, Range, load_feature_network
from facegan_tf.evaluation.features import BATCH, FeatureCache, extract
from facegan_tf.evaluation.nearest import save_picture
from facegan_tf.evaluation.subjects import Subject, check_count, load_subject, store_facts
from facegan_tf.run.records import EvaluationFiles

DEFAULT_COUNT = 2000
DEFAULT_CACHE = "~/.cache/facegan_tf"
NO_NETWORK = "none"


@dataclass(frozen=True)
class Measure:
    """How images are scored; one measure makes scores that can be compared."""

    names: Sequence[str]
    """Of metrics."""
    network: FeatureNetwork | None
    """Those of features need it."""
    seed: int = 0
    batch_size: int = BATCH
    cache: Path = Path(DEFAULT_CACHE)
    """Keeps the features of references."""


def evaluate(
    subject: str | Path,
    reference: str | Path | None = None,
    *,
    count: int | None = None,
    features: str = "inception",
    weights: str | Path | None = None,
    input_range: Range | None = None,
    names: Sequence[str] = metrics.ALL,
    seed: int = 0,
    checkpoint: str = "last",
    batch_size: int = BATCH,
    cache: str | Path = DEFAULT_CACHE,
    out: str | Path | None = None,
) -> dict[str, Any]:
    """Score `count` images of the subject against the first `count` of the reference; return the record.

    subject: a run directory, an exported SavedModel, a folder or zip of images, or a store. reference: a
    store; for a run, by default the images that it was trained on. count: default 2,000, or as many as the
    reference has. features: `inception`, `inception-2015`, a .keras file, or `none`; weights and
    input_range are as for `load_feature_network`. names: of metrics. checkpoint: of a run, `last`, `best` or
    a step. cache: folder that keeps the reference's features. out: folder for evaluation.json,
    evaluations.jsonl and nearest.png (default: the run itself, or outputs/evaluations/NAME).

    The record's `scores` has a number for each metric; all else tells how they came about. Without a feature
    network to be had, the metrics that need none are computed, and the record's `warnings` say so. Raises
    InputError for what can't be done as asked, before anything is written.
    """
    began = time.perf_counter()
    subject = Path(subject).expanduser()
    names = metrics.check_names(names)
    if batch_size < 1:
        raise InputError(f"--batch-size {batch_size}: must be 1 or more")
    if not subject.exists():
        raise InputError(f"{subject}: no such run, SavedModel, folder, zip or store")
    files = EvaluationFiles(Path(out) if out else _default_out(subject))
    writable_parent(files.newest)
    store = _open_reference(subject, reference)
    count = _checked_count(count, store)
    network, lack = _load_network(features, weights, input_range, names)
    measure = Measure(names, network, seed, batch_size, Path(cache).expanduser())
    faces = load_subject(subject, count, store.size, seed, checkpoint)
    sides, record = score(faces, store, measure, began)
    for warning in record["warnings"]:
        print(f"warning: {warning}", file=sys.stderr)
    record["warnings"] += lack
    if "psnr" in record["scores"]:
        save_picture(files.neighbours, sides.seen, sides.neighbours, store)
    files.add(record)
    print(f"{files.newest}: written; all evaluations: {files.all}", file=sys.stderr)
    return record


def score(
    faces: Subject, store: FaceStore, measure: Measure, began: float
) -> tuple[metrics.Sides, dict[str, Any]]:
    """Score a subject's images against the store's first as many: both sides, and the record.

    began: when the work began, by `time.perf_counter`; the record tells how long all of it took.
    """
    count, network = len(faces.images), measure.network
    sides = metrics.Sides(faces.images, store, measure.seed)
    names = [name for name in measure.names if network or name not in metrics.OF_FEATURES]
    seconds = {"generated images": time.perf_counter() - began}
    if network and any(name in metrics.OF_FEATURES for name in names):
        with _timed(seconds, "generated features"):
            sides.generated_features = extract(
                network,
                lambda indices: faces.images[indices],
                count,
                batch_size=measure.batch_size,
                what=f"{count:,} generated images",
            )
        with _timed(seconds, "reference features"):
            cache = FeatureCache(measure.cache)
            sides.reference_features = cache.features_of(store, network, count, measure.batch_size)
    result = metrics.compute(names, sides)
    total = ("total", time.perf_counter() - began)
    record = {
        "scores": result.scores,
        "reference_scores": result.of_reference,
        "warnings": result.warnings,
        "generated": {**faces.facts, "count": count, "size": store.size},
        "reference": {**store_facts(store), "count": count},
        "features": network.facts() if network else None,
        "seed": measure.seed,
        "settings": result.settings,
        "versions": versions("tensorflow", "keras", "numpy", "pillow"),
        "seconds": {name: round(s, 3) for name, s in (*seconds.items(), *result.seconds.items(), total)},
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }
    return sides, record


@contextmanager
def _timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    """Note under `name` how long the block takes."""
    began = time.perf_counter()
    yield
    seconds[name] = time.perf_counter() - began


def _default_out(subject: Path) -> Path:
    if (subject / "config.yaml").is_file():
        return subject
    return Path("outputs") / "evaluations" / subject.resolve().stem


def _open_reference(subject: Path, reference: str | Path | None) -> FaceStore:
    if reference is not None:
        return FaceStore.open(Path(reference).expanduser())
    if not (subject / "config.yaml").is_file():
        raise InputError(f"--reference: must name a store of real faces to score {subject} against")
    return locate(load_config(subject).data).open_or_prepare()


def _checked_count(count: int | None, store: FaceStore) -> int:
    count = min(DEFAULT_COUNT, len(store)) if count is None else count
    check_count(f"the reference {store.folder}", len(store), count)
    if count < metrics.LEAST:
        raise InputError(f"--count {count}: must be {metrics.LEAST} or more, for their nearest neighbours")
    return count


def _load_network(
    features: str, weights: str | Path | None, input_range: Range | None, names: Sequence[str]
) -> tuple[FeatureNetwork | None, list[str]]:
    """The network, if there is need for one; if there is none, why, for the record."""
    wanting = [name for name in names if name in metrics.OF_FEATURES]
    if not wanting:
        return None, []
    try:
        if features == NO_NETWORK:
            raise NoNetworkError(f"--features {features} was given")
        path = Path(weights).expanduser() if weights is not None else None
        return load_feature_network(features, path, input_range), []
    except NoNetworkError as error:
        if len(wanting) == len(names):
            raise InputError(f"--metrics {' '.join(names)}: each needs a feature network. {error}") from error
        lack = f"without a feature network there is no {', '.join(wanting)}. {error}"
        print(f"warning: {lack}", file=sys.stderr)  # now: the work may take long
        return None, [lack]
