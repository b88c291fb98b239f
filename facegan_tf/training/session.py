"""One training session: from a checkpoint to the end or an interruption."""

import time
from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from facegan_tf.common.errors import FaceganError
from facegan_tf.common.status import print_status
from facegan_tf.data.training_set import TrainingSet
from facegan_tf.evaluation.feature_networks import FeatureNetwork
from facegan_tf.model.build import build_gan
from facegan_tf.model.gan import GAN
from facegan_tf.model.nonfinite import NonFiniteError
from facegan_tf.model.runtime import ONE_DEVICE, Runtime
from facegan_tf.run.checkpoints import Checkpoints
from facegan_tf.run.directory import RunDirectory
from facegan_tf.run.tensorboard import EventLog
from facegan_tf.training.callbacks import CheckpointSaver, Curves, MetricsLog, ProgressBar
from facegan_tf.training.clock import Clock
from facegan_tf.training.context import RunContext
from facegan_tf.training.evaluations import Evaluations
from facegan_tf.training.loop import run_steps
from facegan_tf.training.nonfinite import NonFiniteGuard
from facegan_tf.training.pictures import ControlFaces, TrainingGif
from facegan_tf.training.signals import Interrupted, SignalWatch, on_first_signal
from facegan_tf.training.statistics import LossStatistics
from facegan_tf.training.workers import StateGuard


class Session:
    """A GAN, the images it learns from, and the run directory it writes to.

    With several workers, only the chief writes. The others make the same steps and stop where it does.
    """

    def __init__(
        self,
        gan: GAN,
        run: RunDirectory,
        images: TrainingSet,
        network: FeatureNetwork | None,
        callbacks: Sequence[keras.callbacks.Callback],
        runtime: Runtime = ONE_DEVICE,
    ):
        """network: the feature network of the evaluations, if any. callbacks: the caller's own."""
        self.gan, self.config = gan, gan.config
        self.run, self.images = run, images
        self.network, self.callbacks, self.runtime = network, callbacks, runtime
        self.total_steps = gan.config.training.total_steps(len(images))
        self.rollbacks = 0
        self._notes: dict = {}
        self._statistics = LossStatistics()

    @property
    def _checkpoints(self) -> Checkpoints:
        return Checkpoints(self.gan, self.run.checkpoints, self.config.training.keep_checkpoints)

    def restore(self) -> int:
        """Restore the newest intact checkpoint, if there is one; return its step, or 0."""
        self._notes, self._statistics = {}, LossStatistics()
        if not self._checkpoints.steps():
            return 0
        start = self._checkpoints.restore()
        self._notes = self._checkpoints.notes(str(start))
        self._statistics = LossStatistics(self._notes.get("losses"))
        self.rollbacks = self._notes["rollbacks"]
        return start

    def forget_after(self, step: int) -> None:
        """Remove the checkpoints of later steps, and a best that was kept before the first checkpoint."""
        self._checkpoints.forget_after(step)

    def save_start(self) -> None:
        """Save the nets that this run takes from another, which may be gone when this one is resumed."""
        if self.config.training.start_from and not self._checkpoints.steps():
            self._checkpoints.save(rollbacks=self.rollbacks)

    def roll_back(self) -> int:
        """Go back to the newest checkpoint, or to the start, to try different noise; return its step."""
        tried = self.rollbacks
        with self.runtime.scope():
            self.gan = build_gan(self.config)
        start = self.restore()
        if self.runtime.is_chief:
            self.forget_after(start)
        # If the run is killed and resumed, it has the count in its checkpoint: the same steps fail again, and
        # are counted again.
        self.rollbacks = tried + 1
        return start

    def image_indices(self, step: int) -> np.ndarray:
        """The indices into the store of the images of step `step`, counted from 0: int64 [B]."""
        return self.images.indices(step).numpy()

    def train(self) -> None:
        """Train to the end while watching for signals, and record the outcome in run.json.

        Raises NonFiniteError, Interrupted after a signal, and FaceganError or OSError for what fails.
        """
        start, began = self.gan.steps_done, time.perf_counter()
        context = self._context()
        callbacks = self._callbacks(context) if self.runtime.is_chief else self._followers_callbacks()
        self._record("running")
        status = "failed"
        self.gan.stop_training = False  # before a signal can set it
        try:
            with on_first_signal(self._stop) as watch:
                run_steps(
                    self.gan,
                    self.images,
                    self.total_steps,
                    callbacks,
                    self.rollbacks,
                    self._steps_per_call,
                    self.runtime,
                )
            received = self._received_by_any(watch)
            finished = self.gan.steps_done >= self.total_steps
            status = "finished" if finished else "interrupted" if received else "stopped"
        except NonFiniteError as error:
            # The signal came first; a resumed run will meet this step again.
            if received := self._received_by_any(watch):
                status = "interrupted"
                print_status(f"{error}; nothing of that step was saved")
                raise Interrupted(received) from error
            raise
        except tf.errors.ResourceExhaustedError as error:
            raise FaceganError(
                f"step {self.gan.steps_done + 1}: out of memory; lower training.batch_size, data.size or the "
                f"channels of the nets ({str(error).splitlines()[0]})"
            ) from error
        finally:
            self._record(status)
            context.events.close()
        self._print_outcome(status, start, time.perf_counter() - began)
        if received and not finished:
            print_status(f"saved; resume with: facegan train {self.run.folder} --resume")
            raise Interrupted(received)
        if self.runtime.is_chief:
            print_status(*self._statistics.describe())

    def _received_by_any(self, watch: SignalWatch) -> int | None:
        """The signal that a worker received, the same on all of them; None if there was none."""
        return int(self.runtime.gather(watch.received or 0).max()) or None

    def _record(self, status: str) -> None:
        if self.runtime.is_chief:
            self.run.update_record(status=status)

    @property
    def _steps_per_call(self) -> int | None:
        """The setting; if it is null, 1 if there are callbacks of the caller, which should see each step."""
        return self.config.training.steps_per_call or (1 if self.callbacks else None)

    def _stop(self) -> None:
        self.gan.stop_training = True

    def _context(self) -> RunContext:
        return RunContext(
            config=self.config,
            run=self.run,
            images=self.images,
            checkpoints=self._checkpoints,
            events=EventLog(self.run.tensorboard),
            clock=Clock(self._notes.get("seconds", 0.0)),
            statistics=self._statistics,
            rollbacks=self.rollbacks,
            total_steps=self.total_steps,
        )

    def _followers_callbacks(self) -> list[keras.callbacks.Callback]:
        """The callbacks of a worker that writes nothing."""
        return [NonFiniteGuard(), self._statistics, StateGuard(self.config), *self.callbacks]

    def _callbacks(self, context: RunContext) -> list[keras.callbacks.Callback]:
        """All callbacks, in the order that they rely on: the checkpoint vouches for the logs before it."""
        faces = ControlFaces(context)
        evaluations = [Evaluations(context, faces, self.network)] if self.config.evaluation.every else []
        with_others = [StateGuard(self.config)] if self.runtime.workers > 1 else []
        return [
            context.clock,
            NonFiniteGuard(),
            *with_others,
            ProgressBar(self.config.training.images_per_step),
            MetricsLog(context),
            context.statistics,
            faces,
            *evaluations,
            CheckpointSaver(context),
            Curves(context),
            TrainingGif(self.run),
            *self.callbacks,
        ]

    def _print_outcome(self, status: str, start: int, seconds: float) -> None:
        if not self.runtime.is_chief:
            print_status(f"{status} at step {self.gan.steps_done}")
            return
        steps = self.gan.steps_done - start
        speed = steps * self.config.training.images_per_step / seconds
        print_status(
            f"{status} at step {self.gan.steps_done}: {steps} steps in {seconds:.0f} s, {speed:.2f} images/s",
            f"pictures         {self.run.grid(self.gan.steps_done)}, {self.run.gif}, {self.run.curves}",
        )
