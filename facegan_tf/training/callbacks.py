"""What a run logs and saves: the progress bar, metrics.jsonl, TensorBoard, checkpoints and curves."""

import sys
import time

from tqdm import tqdm

from facegan_tf.common.due import due
from facegan_tf.common.files import append_line
from facegan_tf.run.plots import save_curves, save_psnr_curves
from facegan_tf.training.context import RunContext
from facegan_tf.training.step_callback import Logs, StepCallback

CURVES_SHARE = 0.01
"""Largest share of a run's time that drawing the curves at checkpoints may take."""
FIRST_CURVES_SECONDS = 10.0
"""Time before the first drawing: until then, it is not known how long drawing takes."""


class ProgressBar(StepCallback):
    """A tqdm bar over the steps, with the losses, images per second and the time left."""

    def __init__(self, images_per_step: int):
        super().__init__()
        self.images_per_step = images_per_step

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Start the bar at the step where the session starts."""
        super().on_train_begin(logs)
        self.first, self.began = self.model.steps_done, time.perf_counter()
        self.bar = tqdm(
            total=self.params["steps"],
            initial=self.first,
            desc="training",
            unit="step",
            dynamic_ncols=True,
            mininterval=0.1 if sys.stderr.isatty() else 10.0,  # fewer lines where output goes to a file
        )

    def after_steps(self, before: int, after: int, logs: Logs) -> None:
        """Advance the bar."""
        seconds = time.perf_counter() - self.began  # the bar's own time is 0 with TQDM_DISABLE
        speed = (after - self.first) * self.images_per_step / seconds
        losses = {name: f"{loss:.4f}" for name, loss in logs.items()}
        self.bar.set_postfix(losses | {"images_s": f"{speed:.2f}"}, refresh=False)
        self.bar.update(after - before)

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Leave the bar as it stands."""
        self.bar.close()


class MetricsLog(StepCallback):
    """A line of metrics.jsonl, and TensorBoard scalars, every `training.log_every` steps.

    The losses are that step's own, not means, and metrics.jsonl holds no times: the file follows from the
    config alone, whether the run was interrupted or not. Speed goes to TensorBoard.
    """

    def __init__(self, context: RunContext):
        super().__init__()
        self.context = context
        self.last = (0, 0.0)

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Start the clock."""
        super().on_train_begin(logs)
        self.last = (self.model.steps_done, time.perf_counter())

    def after_steps(self, before: int, after: int, logs: Logs) -> None:
        """Write the line if it is due, and after the last step."""
        training = self.context.config.training
        if not due(before, after, training.log_every) and after != self.context.total_steps:
            return
        line = {"step": after, "images": after * training.images_per_step, **logs}
        append_line(self.context.run.metrics, line)
        now = time.perf_counter()
        images_done = (after - self.last[0]) * training.images_per_step
        speed = {"images_per_second": images_done / (now - self.last[1])}
        self.context.events.add_scalars(after, logs | speed)
        self.last = (after, now)


class CheckpointSaver(StepCallback):
    """Saves a checkpoint every `training.checkpoint_every` steps and at the end."""

    def __init__(self, context: RunContext):
        super().__init__()
        self.context = context
        self.saved_at: int | None = None

    def after_steps(self, before: int, after: int, logs: Logs) -> None:
        """Save a checkpoint if one is due."""
        if due(before, after, self.context.config.training.checkpoint_every):
            self._save()

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Save the state in which the session ends, unless the last step was due."""
        if self.saved_at != self.model.steps_done:
            self._save()

    def _save(self) -> None:
        context, run = self.context, self.context.run
        run.sync()  # a checkpoint vouches for the logs up to its step
        context.checkpoints.save(
            losses=context.statistics.state, seconds=context.clock.seconds, rollbacks=context.rollbacks
        )
        run.update_record(step=self.model.steps_done, losses=context.statistics.summary())
        self.saved_at = self.model.steps_done


class Curves(StepCallback):
    """Draws the curves at the end, and at checkpoints as long as drawing stays within CURVES_SHARE."""

    def __init__(self, context: RunContext):
        super().__init__()
        self.context = context
        self.drawn_at = time.perf_counter()
        self.pause = FIRST_CURVES_SECONDS

    def after_steps(self, before: int, after: int, logs: Logs) -> None:
        """Draw the curves if they are due; `on_train_end` draws them after the last step."""
        is_due = due(before, after, self.context.config.training.checkpoint_every)
        is_due = is_due and after < self.context.total_steps
        if is_due and time.perf_counter() - self.drawn_at >= self.pause:
            self._draw()

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Draw the curves of all that was logged."""
        self._draw()

    def _draw(self) -> None:
        began, run = time.perf_counter(), self.context.run
        losses, psnr = run.read_losses(), run.read_psnr()
        if losses:
            save_curves(run.curves, losses, run.read_curves())
        if psnr:
            save_psnr_curves(run.psnr_curves, psnr, run.read_record()["psnr"]["among_reals"])
        self.drawn_at = time.perf_counter()
        self.pause = (self.drawn_at - began) / CURVES_SHARE
