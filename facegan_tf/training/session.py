"""One go at training: from a checkpoint on, with all that is written and watched on the way."""

import sys
import time
from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from facegan_tf.common.errors import FaceganError
from facegan_tf.data.store import FaceStore
from facegan_tf.data.training_set import TrainingSet
from facegan_tf.evaluation.feature_networks import FeatureNetwork
from facegan_tf.model.finite import NonFiniteError
from facegan_tf.model.gan import GAN, build_gan
from facegan_tf.run.checkpoints import Checkpoints
from facegan_tf.run.directory import RunDirectory
from facegan_tf.run.tensorboard import EventLog
from facegan_tf.training import callbacks as own
from facegan_tf.training import pictures
from facegan_tf.training.clock import Clock
from facegan_tf.training.evaluations import Evaluations
from facegan_tf.training.loop import fit
from facegan_tf.training.nonfinite import NonFiniteGuard
from facegan_tf.training.signals import Interrupted, on_first_signal
from facegan_tf.training.statistics import LossStatistics


class Session:
    """A GAN, the images it learns from, and the run directory that it is written to."""

    def __init__(
        self,
        gan: GAN,
        run: RunDirectory,
        store: FaceStore,
        count: int,
        network: FeatureNetwork | None,
        callbacks: Sequence[keras.callbacks.Callback],
    ):
        """count: how many of the store's images are trained on. network: of the evaluations, if any."""
        self.gan, self.config = gan, gan.config
        self.run, self.store, self.count = run, store, count
        self.network, self.callbacks = network, callbacks
        self.rollbacks = 0
        self._notes: dict = {}

    @property
    def _checkpoints(self) -> Checkpoints:
        return Checkpoints(self.gan, self.run.checkpoints, self.config.training.keep_checkpoints)

    def restore(self) -> int:
        """Go to the newest checkpoint that is whole, if there are any; return its step, or 0."""
        if not self._checkpoints.steps():
            self._checkpoints.forget_after(0)  # a best that was kept before the first checkpoint
            return 0
        start = self._checkpoints.restore()
        self._checkpoints.forget_after(start)
        self._notes = self._checkpoints.notes(str(start))
        self.rollbacks = self._notes["rollbacks"]
        return start

    def roll_back(self) -> int:
        """Go to the newest checkpoint, or to the start, for another try with other noise; return its step."""
        tried = self.rollbacks
        self.gan = build_gan(self.config)
        start = self.restore()
        # Of a killed run that goes on, the count is the checkpoint's: the same steps fail again, and are
        # counted again.
        self.rollbacks = tried + 1
        return start

    def image_indices(self, step: int) -> np.ndarray:
        """The places in the store of the images of step number `step`: int64 [B]."""
        return TrainingSet.of(self.config, self.store).indices(step).numpy()

    def fit(self, total: int) -> None:
        """Train to step `total`, with the signals watched, and leave the outcome in run.json.

        Raises NonFiniteError, Interrupted after a signal, and FaceganError or OSError for what fails.
        """
        start, began = self.gan.steps_done, time.perf_counter()
        statistics = LossStatistics(self._notes.get("losses"))
        told = self._told(statistics)
        self.run.update_record(status="running")
        status = "failed"
        self.gan.stop_training = False  # before a signal may set it
        reals = TrainingSet.of(self.config, self.store).batches(start)
        try:
            with on_first_signal(self._stop) as watch:
                fit(self.gan, reals, self.count, told, self.rollbacks)
            finished = self.gan.steps_done >= total
            status = "finished" if finished else "interrupted" if watch.received else "stopped"
        except NonFiniteError as error:
            if watch.received:  # the end was asked for first; going on will come to this step again
                _say(f"{error}; nothing of that step was saved")
                raise Interrupted(watch.received) from error
            raise
        except tf.errors.ResourceExhaustedError as error:
            raise FaceganError(
                f"step {self.gan.steps_done + 1}: out of memory; lower training.batch_size, data.size or the "
                f"channels of the nets ({str(error).splitlines()[0]})"
            ) from error
        finally:
            self.run.update_record(status=status)
        self._say_how_it_went(status, start, time.perf_counter() - began)
        if watch.received and not finished:
            _say(f"saved; go on with: facegan train {self.run.folder} --resume")
            raise Interrupted(watch.received)
        _say(*statistics.describe())

    def _stop(self) -> None:
        self.gan.stop_training = True

    def _told(self, statistics: LossStatistics) -> list[keras.callbacks.Callback]:
        """All callbacks, in the order that they depend on: what is saved last vouches for what is before."""
        config, run, checkpoints = self.config, self.run, self._checkpoints
        clock, events = Clock(self._notes.get("seconds", 0.0)), EventLog(run.tensorboard)
        psnr = pictures.PsnrLog(config, run, events, self.store, self.count)
        faces = pictures.ControlFaces(config, run, events, psnr)
        evaluating = []
        if config.evaluation.every:
            evaluating.append(
                Evaluations(
                    config, run, events, checkpoints, clock, faces, self.store, self.count, self.network
                )
            )
        return [
            clock,
            NonFiniteGuard(),
            own.ProgressBar(config),
            own.MetricsLog(config, run, events),
            statistics,
            faces,
            *evaluating,
            own.CheckpointSaver(config, run, checkpoints, statistics, clock, self.rollbacks),
            pictures.TrainingGif(run),
            *self.callbacks,
        ]

    def _say_how_it_went(self, status: str, start: int, seconds: float) -> None:
        steps = self.gan.steps_done - start
        speed = steps * self.config.training.batch_size / seconds
        _say(
            f"{status} at step {self.gan.steps_done}: {steps} steps in {seconds:.0f} s, {speed:.2f} images/s",
            f"pictures         {self.run.grid(self.gan.steps_done)}, {self.run.gif}, {self.run.curves}",
        )


def _say(*lines: str) -> None:
    print(*lines, sep="\n", file=sys.stderr, flush=True)
