"""`facegan evaluate`: scores a generator, or images, against real ones, and writes the record."""

import itertools
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facegan_tf.common.errors import InputError
from facegan_tf.common.files import writable_parent
from facegan_tf.common.paths import path_of
from facegan_tf.config.load import load_config
from facegan_tf.data.cache import DEFAULT_CACHE, cache_folder
from facegan_tf.data.locate import locate
from facegan_tf.data.sources import has_scheme
from facegan_tf.data.split import Split
from facegan_tf.data.store import FaceStore
from facegan_tf.evaluation import psnr
from facegan_tf.evaluation.feature_network import FeatureNetwork, NoNetworkError, Range
from facegan_tf.evaluation.feature_networks import NO_NETWORK, load_feature_network
from facegan_tf.evaluation.features import BATCH
from facegan_tf.evaluation.generated import DEFAULT_COUNT, Wanted, load_generated
from facegan_tf.evaluation.metrics import METRICS, in_order, minimum_count
from facegan_tf.evaluation.nearest import save_picture
from facegan_tf.evaluation.scoring import Measure, score
from facegan_tf.evaluation.sides import Sides
from facegan_tf.run.directory import RunDirectory
from facegan_tf.run.records import EvaluationFiles
from facegan_tf.run.restore import LAST, RunState
from facegan_tf.run.resume import check_same_images
from facegan_tf.serving.generator import SEED_LIMIT


@dataclass(frozen=True)
class EvaluationRequest:
    """What to compute, and how."""

    metrics: Sequence[str] = tuple(METRICS)
    """Names of the metrics to compute."""
    count: int | None = None
    """Number of images of each side, the first ones. None: as many as both sides have, up to 2,000."""
    features: str = "inception"
    """The feature network: `inception`, `inception-2015`, the path of a .keras file, or `none`."""
    feature_weights: str | Path | None = None
    """A file with Inception's weights, in place of a download."""
    input_range: Range | None = None
    """The values that a .keras file takes for black and for white. None: -1 and 1."""
    seed: int = 0
    """Seed of the first face that a generator draws; the next have the next seeds. Seeds the metrics too."""
    batch_size: int = BATCH
    """Images that the feature network processes at once; no score depends on it."""


def evaluate(
    generated: str | Path,
    reference: str | Path | None = None,
    request: EvaluationRequest | None = None,
    *,
    state: RunState = LAST,
    cache: str | Path = DEFAULT_CACHE,
    out: str | Path | None = None,
) -> dict[str, Any]:
    """Score generated images against real ones, write the record, and return it.

        record = evaluate("outputs/faces", request=EvaluationRequest(features="none", count=500))
        record["scores"]["swd"]

    generated: a run directory, an exported SavedModel, a folder or zip of images, or a store. reference: a
    store of real faces; for a run, by default the images it held out, or else those it was trained on.
    state: the checkpoint and weights to use, for a run. cache: folder for the reference's features. out:
    folder for evaluation.json, evaluations.jsonl and nearest.png (default: the run itself, or
    outputs/evaluations/NAME).

    The record's `scores` maps each metric's name to a number; the rest states how the scores were computed.
    If the feature network can't be downloaded, the metrics that need none are computed, and the record's
    `warnings` say so. Raises InputError for a request that can't be met, before anything is written.
    """
    began = time.perf_counter()
    request = request or EvaluationRequest()
    path = path_of(generated)
    names = in_order(request.metrics)
    _check(path, request, names)
    files = EvaluationFiles(Path(out) if out else _default_out(path))
    _check_writable(files, out)
    store, split = _open_reference(path, reference)
    wanted = Wanted(store.size, request.count, len(store), request.seed)
    is_part = split is not None and split.reference is not split.training
    what = f"the held-out part of {store.folder}" if is_part else store.folder
    wanted.check(what, len(store))
    _check_enough(what, wanted.at_most, names)
    network, lost = _load_network(request, names)
    measure = Measure(names, network, request.seed, request.batch_size, cache)
    if network:
        cache_folder(cache)  # an error should come before the faces are drawn
    images = load_generated(path, wanted, state)
    _check_enough(path, len(images.images), names)
    if request.count is None:
        why = "the default" if len(images.images) == DEFAULT_COUNT else "as many as both sides have"
        print(f"scoring {len(images.images):,} images of each side, {why}", file=sys.stderr)
    sides, record = score(images, store, measure, began, split)
    for warning in record["warnings"]:
        print(f"warning: {warning}", file=sys.stderr)
    record["warnings"] += lost
    _write(files, sides, record)
    return record


def _write(files: EvaluationFiles, sides: Sides, record: dict[str, Any]) -> None:
    if psnr.PSNR.name in record["scores"]:
        neighbours = sides.shared(psnr.neighbours)
        save_picture(files.neighbours, psnr.first_faces(sides), neighbours, sides.searched)
    files.add(record)
    print(f"{files.newest}: written; all evaluations: {files.all}", file=sys.stderr)


def _check(path: Path, request: EvaluationRequest, names: Sequence[str]) -> None:
    """Raise InputError for what is clearly wrong before anything is opened."""
    if not names:
        raise InputError("metrics", None, f"must name one or more; choose from {', '.join(METRICS)}")
    if not 0 <= request.seed < SEED_LIMIT:
        raise InputError("seed", request.seed, "must be 0 or more, and below 2^63")
    if request.batch_size < 1:
        raise InputError("batch_size", request.batch_size, "must be 1 or more")
    if request.count is not None and request.count < minimum_count(names):
        problem = f"must be {minimum_count(names)} or more to compute {', '.join(names)}"
        raise InputError("count", request.count, problem)
    if has_scheme(str(path)):
        problem = f"must be in a store; make one with facegan prepare {path} --out STORE --size S"
        raise InputError(None, path, problem)
    if not path.exists():
        raise InputError(None, path, "no such run, SavedModel, folder, zip or store")


def _check_enough(what: str | Path, count: int, names: Sequence[str]) -> None:
    """Raise InputError if a side has too few images. A count that was given has been checked before."""
    if count < minimum_count(names):
        problem = f"has only {count:,} images, and {', '.join(names)} need {minimum_count(names)} or more"
        raise InputError(None, what, problem)


def _check_writable(files: EvaluationFiles, out: str | Path | None) -> None:
    try:
        writable_parent(files.newest, "out")
    except InputError as error:
        if out is not None:
            raise
        raise InputError(None, files.folder, "can't be written to; give another folder as `out`") from error


def _default_out(path: Path) -> Path:
    """The run itself, or a folder named after what is scored, which holds no evaluation of anything else."""
    if RunDirectory(path).exists():
        return path
    name = path.resolve().stem if path.is_file() else path.resolve().name
    folders = (
        Path("outputs") / "evaluations" / (name if number == 1 else f"{name}_{number}")
        for number in itertools.count(1)
    )
    return next(each for each in folders if EvaluationFiles(each).belong_to(path))


def _open_reference(path: Path, reference: str | Path | None) -> tuple[FaceStore, Split | None]:
    """The reference, and the split that it comes from, if it is a run's own."""
    if reference is not None:
        return FaceStore.open(path_of(reference)), None
    if not RunDirectory(path).exists():
        raise InputError("reference", None, f"must name a store of real faces to score {path} against")
    config, run = load_config(path), RunDirectory(path)
    has_record = run.record.exists()
    try:
        prepared = run.prepared_store() if has_record else None
        store = locate(config.data, prepared).open_or_prepare()
        if has_record:
            check_same_images(run, store)
        split = Split.of(config, store)
        return split.reference, split
    except InputError as error:  # it names settings, which an evaluation doesn't take
        problem = f"give a store of real faces: the run's own images can't be used ({error})"
        raise InputError("reference", None, problem) from error


def _load_network(
    request: EvaluationRequest, names: Sequence[str]
) -> tuple[FeatureNetwork | None, list[str]]:
    """The feature network if a metric needs it, and warnings for the record if there is none."""
    needing = [name for name in names if METRICS[name].needs_features]
    if not needing:
        return None, []
    try:
        if request.features == NO_NETWORK:
            raise NoNetworkError("features", NO_NETWORK, "no feature network was asked for")
        return load_feature_network(request.features, request.feature_weights, request.input_range), []
    except NoNetworkError as error:
        if len(needing) == len(names):
            problem = f"each needs a feature network. {error}"
            raise InputError("metrics", " ".join(names), problem) from error
        warning = f"these scores are missing, as they need a feature network: {', '.join(needing)}. {error}"
        print(f"warning: {warning}", file=sys.stderr)  # now, as the work may take long
        return None, [warning]
