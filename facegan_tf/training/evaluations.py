"""Evaluations while a run trains: scores in its logs, a plot of them, and the best checkpoint kept apart."""

import shutil
import sys
import time
from pathlib import Path
from typing import Any

import keras
from tqdm import tqdm

from facegan_tf.common.errors import InputError
from facegan_tf.common.files import append_line, atomic_file
from facegan_tf.config.settings import Config, EvaluationSettings
from facegan_tf.data.store import FaceStore
from facegan_tf.evaluation.best import best_metric
from facegan_tf.evaluation.comparable import measure_of, same_measure
from facegan_tf.evaluation.feature_network import FeatureNetwork
from facegan_tf.evaluation.feature_networks import NO_NETWORK, load_feature_network
from facegan_tf.evaluation.generated import GeneratedImages, draw
from facegan_tf.evaluation.metrics import METRICS
from facegan_tf.evaluation.plots import save_score_curves
from facegan_tf.evaluation.scoring import Measure, score
from facegan_tf.evaluation.text import written
from facegan_tf.model.state import weights_sha256
from facegan_tf.run.checkpoints import Checkpoints, DamagedError
from facegan_tf.run.directory import RunDirectory
from facegan_tf.run.records import EvaluationFiles
from facegan_tf.run.tensorboard import EventLog
from facegan_tf.serving.generator import FaceGenerator, generator_of
from facegan_tf.training.clock import Clock
from facegan_tf.training.pictures import ControlFaces

NAMES = tuple(name for name, metric in METRICS.items() if metric.while_training)
SETTINGS = {
    "features": "evaluation.features",
    "weights": "evaluation.weights",
    "input_range": "evaluation.range",
}
"""The settings that give the parameters of `load_feature_network`."""


def with_absolute_paths(settings: EvaluationSettings) -> EvaluationSettings:
    """The same, found from any working directory: a run may be resumed from elsewhere."""
    paths = {"weights": settings.weights}
    if settings.features.endswith(".keras"):
        paths["features"] = settings.features
    absolute = {key: str(Path(path).expanduser().absolute()) for key, path in paths.items() if path}
    return settings.model_copy(update=absolute)


def load_network(config: Config) -> FeatureNetwork | None:
    """The feature network of the config's evaluations; None without evaluations, or without a network.

    Raises InputError if it can't be loaded, or if `evaluation.best_by` can't be used: before the training.
    """
    settings = config.evaluation
    best_metric(settings)
    if settings.every is None or settings.features == NO_NETWORK:
        return None
    try:
        return load_feature_network(settings.features, settings.weights, settings.range)
    except InputError as error:
        raise error.renamed(SETTINGS) from error


class Evaluations(keras.callbacks.Callback):
    """Scores the generator every `evaluation.every` steps and at the end, against images it is trained on.

    The faces are those of the seeds from 0 on, the same each time. The generator that scores best is kept
    in checkpoints/best, and its control faces as best.png.
    """

    def __init__(
        self,
        config: Config,
        run: RunDirectory,
        events: EventLog,
        checkpoints: Checkpoints,
        clock: Clock,
        faces: ControlFaces,
        store: FaceStore,
        images: int,
        network: FeatureNetwork | None,
    ):
        """faces: draws the control faces of the best. images: how many of the store's are trained on."""
        super().__init__()
        self.settings, self.batch_size = config.evaluation, config.training.batch_size
        self.run, self.events, self.clock, self.faces = run, events, clock, faces
        self.best = checkpoints.best()
        self.store = store
        self.measure = Measure(NAMES, network, cache=Path(config.data.cache).expanduser())
        self.count = min(self.settings.count, images)
        self.by = best_metric(self.settings)
        self.generator: FaceGenerator | None = None

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Show the best of what a run goes on with."""
        self._show_best()

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Evaluate if it is this step's turn, or the last."""
        step = batch + 1
        assert self.settings.every is not None
        if step % self.settings.every == 0 or step == self.params["steps"]:
            self._evaluate(step)

    def _evaluate(self, step: int) -> None:
        began = time.perf_counter()
        self.generator = self.generator or generator_of(self.model)
        state = {"checkpoint_step": step, "weights_sha256": weights_sha256(self.model)}
        facts = {
            "kind": "run",
            "path": str(self.run.folder.absolute()),
            "seeds": [0, self.count - 1],
            **state,
        }
        faces = draw(self.generator, self.count, 0, self.store.size)
        images = GeneratedImages(faces, {**facts, "crop": None, "filter": None})
        _, record = score(images, self.store, self.measure, began)
        seen = {"step": step, "images": step * self.batch_size}
        record["training"] = {**seen, "seconds": round(self.clock.seconds, 1), "best_by": self.by.name}
        EvaluationFiles(self.run.folder).add(record)
        scores = {f"scores/{name}": value for name, value in record["scores"].items()}
        append_line(self.run.metrics, {**seen, **scores})
        self.events.add_scalars(step, scores)
        is_best = self._keep_if_best(step, record)
        main = ", ".join(
            f"{name} {written(name, record['scores'][name])}" for name in NAMES if name in record["scores"]
        )
        tqdm.write(f"{step}/{self.params['steps']}: {main}{', the best so far' if is_best else ''}")
        save_score_curves(self.run.score_curves, self.run.read_evaluations(), self.by.name)

    def _keep_if_best(self, step: int, record: dict[str, Any]) -> bool:
        """Keep this state if it scores better than the one kept, or if their scores can't be compared."""
        value = record["scores"][self.by.name]
        if self.best.steps():
            try:
                kept = self.best.notes()
            except DamagedError as error:
                print(f"warning: {error}; the best is chosen anew", file=sys.stderr)
                kept = {}
            comparable = kept.get("by") == self.by.name and same_measure(kept, record)
            if comparable and not self.by.is_better(value, kept["score"]):
                return False
        self.best.save(self.faces.picture(), score=value, by=self.by.name, measure=measure_of(record))
        self._show_best()
        return True

    def _show_best(self) -> None:
        """Let best.png be the picture of the best that is kept, if there is one."""
        picture = self.best.picture()
        if picture is None or not picture.exists():
            self.run.best_grid.unlink(missing_ok=True)
            return
        with atomic_file(self.run.best_grid) as partial:
            shutil.copyfile(picture, partial)
