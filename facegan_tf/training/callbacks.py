"""What a run writes down and watches: standard Keras callbacks around the training loop.

Every callback gets `{"d_loss": ..., "g_loss": ...}` after each step, and the GAN as `self.model`, with
`generator`, `discriminator`, `steps_done` and `stop_training`. The GAN is no keras.Model: callbacks of
Keras that save or alter `self.model` itself (ModelCheckpoint, LearningRateScheduler) don't work on it.
`batch` is the index of the step in the run, from 0; after it `batch + 1` steps are done, and in the
end `self.params["steps"]`.
"""

import sys
import time

import keras
from tqdm import tqdm

from facegan_tf.common.files import append_line
from facegan_tf.config.settings import Config
from facegan_tf.run.checkpoints import Checkpoints
from facegan_tf.run.directory import RunDirectory
from facegan_tf.run.plots import save_curves, save_psnr_curves
from facegan_tf.run.tensorboard import EventLog
from facegan_tf.training.clock import Clock
from facegan_tf.training.statistics import LossStatistics

Logs = dict[str, float] | None


class ProgressBar(keras.callbacks.Callback):
    """tqdm over the steps, with both losses, images a second and the time left."""

    def __init__(self, config: Config):
        super().__init__()
        self.batch_size = config.training.batch_size

    def on_train_begin(self, logs: Logs = None) -> None:
        """Begin at the steps done already."""
        self.bar = tqdm(
            total=self.params["steps"],
            initial=self.model.steps_done,
            desc="training",
            unit="step",
            dynamic_ncols=True,
            mininterval=0.1 if sys.stderr.isatty() else 10.0,  # a log wants few lines
        )

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Advance by one step."""
        logs = logs or {}
        steps, seconds = self.bar.n + 1 - self.bar.initial, self.bar.format_dict["elapsed"]
        self.bar.set_postfix(
            d_loss=f"{logs['d_loss']:.4f}",
            g_loss=f"{logs['g_loss']:.4f}",
            images_s=f"{steps * self.batch_size / seconds:.2f}",
            refresh=False,
        )
        self.bar.update()

    def on_train_end(self, logs: Logs = None) -> None:
        """Leave the bar as it stands."""
        self.bar.close()


class MetricsLog(keras.callbacks.Callback):
    """A line of metrics.jsonl, and TensorBoard scalars, every `training.log_every` steps.

    The values are that step's own, not a mean, and no clock is in metrics.jsonl: the file follows
    from the config alone, whether the run was interrupted or not. Speed goes to TensorBoard.
    """

    def __init__(self, config: Config, run: RunDirectory, events: EventLog):
        super().__init__()
        self.config, self.run, self.events = config, run, events
        self.last = (0, 0.0)

    def on_train_begin(self, logs: Logs = None) -> None:
        """Start the clock."""
        self.last = (self.model.steps_done, time.perf_counter())

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Write the line if it is this step's turn."""
        step = batch + 1
        if step % self.config.training.log_every and step != self.params["steps"]:
            return
        losses = dict(logs or {})
        line = {"step": step, "images": step * self.config.training.batch_size, **losses}
        append_line(self.run.metrics, line)
        now = time.perf_counter()
        images_done = (step - self.last[0]) * self.config.training.batch_size
        self.events.add_scalars(step, losses | {"images_per_second": images_done / (now - self.last[1])})
        self.last = (step, now)


class CheckpointSaver(keras.callbacks.Callback):
    """Save every `training.checkpoint_every` steps and at the end; with it the curves and losses so far."""

    def __init__(
        self,
        config: Config,
        run: RunDirectory,
        checkpoints: Checkpoints,
        statistics: LossStatistics,
        clock: Clock,
        rollbacks: int,
    ):
        """rollbacks: how many there have been; a run that goes on needs to know."""
        super().__init__()
        self.config, self.run, self.checkpoints = config, run, checkpoints
        self.statistics, self.clock, self.rollbacks = statistics, clock, rollbacks

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Save if it is this step's turn."""
        if (batch + 1) % self.config.training.checkpoint_every == 0:
            self._save()

    def on_train_end(self, logs: Logs = None) -> None:
        """Save the state that the run ends in."""
        self._save()

    def _save(self) -> None:
        self.run.sync()
        self.checkpoints.save(
            losses=self.statistics.state, seconds=self.clock.seconds, rollbacks=self.rollbacks
        )
        self.run.update_record(step=self.model.steps_done, losses=self.statistics.summary())
        losses, psnr = self.run.read_losses(), self.run.read_psnr()
        if losses:
            save_curves(self.run.curves, losses, self.run.read_curves())
        if psnr:
            save_psnr_curves(self.run.psnr_curves, psnr, self.run.read_record()["psnr"]["among_reals"])
