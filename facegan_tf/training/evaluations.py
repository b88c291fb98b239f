"""Evaluations during training: scores in the logs, a plot of them, and the best checkpoint."""

import shutil
import sys
import time
from typing import Any

from tqdm import tqdm

from facegan_tf.common.due import due
from facegan_tf.common.errors import InputError
from facegan_tf.common.files import append_line, atomic_file
from facegan_tf.common.paths import path_of
from facegan_tf.config.evaluation import EvaluationSettings
from facegan_tf.config.settings import Config
from facegan_tf.data.cache import cache_folder
from facegan_tf.data.split import Split
from facegan_tf.evaluation.best import best_metric
from facegan_tf.evaluation.comparable import measure_of, same_measure
from facegan_tf.evaluation.feature_network import FeatureNetwork
from facegan_tf.evaluation.feature_networks import NO_NETWORK, load_feature_network
from facegan_tf.evaluation.generated import GeneratedImages, draw, run_facts
from facegan_tf.evaluation.metrics import METRICS
from facegan_tf.evaluation.plots import save_score_curves
from facegan_tf.evaluation.scoring import Measure, score
from facegan_tf.evaluation.text import written
from facegan_tf.run.checkpoints import DamagedError
from facegan_tf.run.records import EvaluationFiles
from facegan_tf.run.restore import LAST
from facegan_tf.serving.generator import FaceGenerator
from facegan_tf.training.context import RunContext
from facegan_tf.training.pictures import ControlFaces
from facegan_tf.training.step_callback import Logs, StepCallback

NAMES = tuple(name for name, metric in METRICS.items() if metric.while_training)
"""Names of the metrics that are computed during training."""
SETTINGS = {
    "features": "evaluation.features",
    "feature_weights": "evaluation.feature_weights",
    "input_range": "evaluation.range",
    "cache": "data.cache",
}
"""The setting that gives each parameter of `load_feature_network`, and the cache of features."""


def with_absolute_paths(settings: EvaluationSettings) -> EvaluationSettings:
    """The same settings with absolute paths: a run may be resumed from another working directory."""
    paths = {"feature_weights": settings.feature_weights}
    if settings.features.endswith(".keras"):
        paths["features"] = settings.features
    absolute = {key: str(path_of(path).absolute()) for key, path in paths.items() if path}
    return settings.model_copy(update=absolute)


def load_network(config: Config) -> FeatureNetwork | None:
    """The feature network of the config's evaluations; None without evaluations, or without a network.

    Raises InputError, before any training, if it can't be loaded or `evaluation.best_by` can't be used.
    """
    settings = config.evaluation
    best_metric(settings)
    if settings.every is None or settings.features == NO_NETWORK:
        return None
    try:
        cache_folder(config.data.cache)  # for the features of the images
        return load_feature_network(settings.features, settings.feature_weights, settings.range)
    except InputError as error:
        raise error.renamed(SETTINGS) from error


class Evaluations(StepCallback):
    """Scores the generator every `evaluation.every` steps and at the end.

    It is scored against the images held out from its training, if there are any, and otherwise against those
    that it learns from. The faces are those of the seeds from 0 on, the same each time. The state that scores
    best is kept in checkpoints/best, and a picture of its control faces as best.png.
    """

    def __init__(self, context: RunContext, faces: ControlFaces, network: FeatureNetwork | None):
        """faces: draws the best state's control faces. network: for the metrics that need features."""
        super().__init__()
        self.context, self.faces = context, faces
        self.settings = context.config.evaluation
        self.best = context.checkpoints.best()
        self.measure = Measure(NAMES, network, cache=context.config.data.cache)
        self.split = Split.of(context.config, context.images.store)
        self.count = min(self.settings.count, len(self.split.reference))
        self.by = best_metric(self.settings)
        self.generator: FaceGenerator | None = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Show the best state of the run being resumed."""
        super().on_train_begin(logs)
        self._show_best()

    def after_steps(self, before: int, after: int, logs: Logs) -> None:
        """Evaluate if an evaluation is due, and after the last step."""
        if due(before, after, self.settings.every) or after == self.context.total_steps:
            self._evaluate(after)

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Evaluate the last step if that is missing: the run may have stopped there and been shortened."""
        step, records = self.model.steps_done, self.context.run.read_evaluations()
        evaluated = {record["training"]["step"] for record in records if "training" in record}
        if step == self.context.total_steps and step not in evaluated:
            self._evaluate(step)

    def _evaluate(self, step: int) -> None:
        context, run, reference = self.context, self.context.run, self.split.reference
        began = time.perf_counter()
        self.generator = self.generator or FaceGenerator.of(self.model)
        facts = run_facts(run.folder, self.model, LAST, seed=0, count=self.count)
        images = GeneratedImages(draw(self.generator, self.count, 0, reference.size), facts)
        _, record = score(images, reference, self.measure, began, self.split)
        seen = {"step": step, "images": step * context.config.training.images_per_step}
        record["training"] = {**seen, "seconds": round(context.clock.seconds, 1), "best_by": self.by.name}
        EvaluationFiles(run.folder).add(record)
        scores = {f"scores/{name}": value for name, value in record["scores"].items()}
        append_line(run.metrics, {**seen, **scores})
        context.events.add_scalars(step, scores)
        is_best = self._keep_if_best(record)
        main = ", ".join(
            f"{name} {written(name, record['scores'][name])}" for name in NAMES if name in record["scores"]
        )
        tqdm.write(f"{step}/{context.total_steps}: {main}{', the best so far' if is_best else ''}")
        save_score_curves(run.score_curves, run.read_evaluations(), self.by.name)

    def _keep_if_best(self, record: dict[str, Any]) -> bool:
        """Keep this state if it scores better than the one kept, or if their scores can't be compared."""
        value = record["scores"][self.by.name]
        if self.best.steps():
            try:
                kept = self.best.notes()
            except DamagedError as error:
                print(f"warning: {error}; this state is the best now", file=sys.stderr)
                kept = {}
            comparable = kept.get("by") == self.by.name and same_measure(kept, record)
            if comparable and not self.by.is_better(value, kept["score"]):
                return False
        self.best.save(self.faces.picture(), score=value, by=self.by.name, measure=measure_of(record))
        self._show_best()
        return True

    def _show_best(self) -> None:
        """Make best.png the picture of the best state, or remove it if there is none."""
        picture, shown = self.best.picture(), self.context.run.best_grid
        if picture is None or not picture.exists():
            shown.unlink(missing_ok=True)
            return
        with atomic_file(shown) as partial:
            shutil.copyfile(picture, partial)
