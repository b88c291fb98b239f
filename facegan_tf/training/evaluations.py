"""Evaluations while a run trains: scores in its logs, a plot of them, and the best checkpoint kept apart."""

import shutil
import sys
import time
from pathlib import Path
from typing import Any

import keras
from tqdm import tqdm

from facegan_tf.common.errors import FaceganError, InputError
from facegan_tf.common.files import append_line, atomic_file
from facegan_tf.config.settings import Config, EvaluationSettings
from facegan_tf.data.store import FaceStore
from facegan_tf.evaluation import metrics
from facegan_tf.evaluation.evaluate import NO_NETWORK, Measure, score
from facegan_tf.evaluation.feature_networks import FeatureNetwork, load_feature_network
from facegan_tf.evaluation.plots import save_score_curves
from facegan_tf.evaluation.subjects import Subject, draw
from facegan_tf.evaluation.text import written
from facegan_tf.model.state import weights_sha256
from facegan_tf.run.checkpoints import Checkpoints, DamagedError
from facegan_tf.run.directory import RunDirectory
from facegan_tf.run.records import EvaluationFiles
from facegan_tf.run.tensorboard import EventLog
from facegan_tf.serving.generator import FaceGenerator, generator_of
from facegan_tf.training.clock import Clock
from facegan_tf.training.pictures import ControlFaces

NAMES = tuple(name for name in metrics.ALL if name != "psnr")
"""PSNR comes with the grids."""


def best_by(settings: EvaluationSettings) -> str:
    """The metric that the best checkpoint is chosen by: the lower the better."""
    return settings.best_by or ("swd" if settings.features == NO_NETWORK else "fid")


def with_absolute_paths(settings: EvaluationSettings) -> EvaluationSettings:
    """The same, found from any working directory: a run may be resumed from elsewhere."""
    paths = {"weights": settings.weights}
    if settings.features.endswith(".keras"):
        paths["features"] = settings.features
    absolute = {key: str(Path(path).expanduser().absolute()) for key, path in paths.items() if path}
    return settings.model_copy(update=absolute)


def load_network(config: Config) -> FeatureNetwork | None:
    """The feature network of the config's evaluations; None if there is none, or are none.

    Raises InputError if it can't be had: better now than in the midst of a training.
    """
    settings = config.evaluation
    if settings.every is None or settings.features == NO_NETWORK:
        return None
    try:
        return load_feature_network(
            settings.features, Path(settings.weights) if settings.weights else None, settings.range
        )
    except FaceganError as error:
        raise InputError(f"evaluation.features: {settings.features} can't be used: {error}") from error


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
        self.by = best_by(self.settings)
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
        subject = Subject(faces, {**facts, "crop": None, "filter": None})
        _, record = score(subject, self.store, self.measure, began)
        seen = {"step": step, "images": step * self.batch_size}
        record["training"] = {**seen, "seconds": round(self.clock.seconds, 1), "best_by": self.by}
        EvaluationFiles(self.run.folder).add(record)
        named = {f"scores/{name}": value for name, value in record["scores"].items()}
        append_line(self.run.metrics, seen | named)
        self.events.add_scalars(step, named)
        is_best = self._keep_if_best(step, record)
        main = ", ".join(
            f"{name} {written(name, record['scores'][name])}" for name in NAMES if name in record["scores"]
        )
        tqdm.write(f"{step}/{self.params['steps']}: {main}{', the best so far' if is_best else ''}")
        save_score_curves(self.run.score_curves, self.run.read_evaluations(), self.by)

    def _keep_if_best(self, step: int, record: dict[str, Any]) -> bool:
        """Keep this state if it scores better than the one that is kept, or that was measured otherwise."""
        scored = {"by": self.by, "count": self.count, "network": (record["features"] or {}).get("sha256")}
        value = record["scores"][self.by]
        if self.best.steps():
            try:
                kept = self.best.notes()
            except DamagedError as error:
                print(f"warning: {error}; the best is chosen anew", file=sys.stderr)
                kept = {}
            same = all(kept.get(key) == fact for key, fact in scored.items())
            if same and kept["score"] <= value:
                return False
        self.best.save(self.faces.picture(), score=value, **scored)
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
