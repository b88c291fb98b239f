"""What a run writes and watches: standard Keras callbacks around the training loop.

Every callback gets `{"d_loss": ..., "g_loss": ...}` after each step, and the GAN as `self.model`, with
`generator`, `discriminator`, `steps_done` and `stop_training`. The GAN is no keras.Model: callbacks of
Keras that save or alter `self.model` itself (ModelCheckpoint, LearningRateScheduler) don't work on it.
`batch` is the index of the step in the run, from 0; after it `batch + 1` steps are done.
"""

import json
import math
import sys
import time
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from PIL import Image
from tqdm import tqdm

from facegan_tf import draws, images
from facegan_tf.config import Config
from facegan_tf.errors import FaceganError
from facegan_tf.plots import save_curves
from facegan_tf.training.checkpoints import Checkpoints
from facegan_tf.training.run_directory import RunDirectory

Logs = dict[str, float] | None


class NonFiniteGuard(keras.callbacks.Callback):
    """Stop a run whose losses are not finite: nothing after that is worth the time."""

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Raise FaceganError, naming the step, if a loss is NaN or infinite."""
        bad = {name: loss for name, loss in (logs or {}).items() if not math.isfinite(loss)}
        if bad:
            raise FaceganError(
                f"step {batch + 1}: {bad} is not finite; the run stops here. The last checkpoint is from "
                "before. Try a lower optimizers.*.learning_rate or optimizers.*.clipvalue"
            )


class ProgressBar(keras.callbacks.Callback):
    """tqdm over the steps, with both losses, images a second and the time left."""

    def __init__(self, config: Config, start_step: int):
        super().__init__()
        self.batch_size = config.training.batch_size
        self.bar = tqdm(
            total=config.training.steps,
            initial=start_step,
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

    def __init__(self, config: Config, run: RunDirectory, summaries: tf.summary.SummaryWriter):
        super().__init__()
        self.config, self.run, self.summaries = config, run, summaries
        self.last = (0, 0.0)

    def on_train_begin(self, logs: Logs = None) -> None:
        """Start the clock."""
        self.last = (self.model.steps_done, time.perf_counter())

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Write the line if it is this step's turn."""
        step = batch + 1
        if step % self.config.training.log_every and step != self.config.training.steps:
            return
        losses = dict(logs or {})
        line = {"step": step, "images": step * self.config.training.batch_size, **losses}
        with self.run.metrics.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        now = time.perf_counter()
        images_done = (step - self.last[0]) * self.config.training.batch_size
        self._summarise(step, losses | {"images_per_second": images_done / (now - self.last[1])})
        self.last = (step, now)

    def _summarise(self, step: int, scalars: dict[str, float]) -> None:
        with self.summaries.as_default(step=step):
            for name, value in scalars.items():
                tf.summary.scalar(name, value)


class ControlGrids(keras.callbacks.Callback):
    """The same latents drawn every `grids.every` steps, and at the end; the source's status line.

    The control vectors are N(0, 1) * grids.latent_scale, fixed by the seed.
    """

    def __init__(self, config: Config, run: RunDirectory, summaries: tf.summary.SummaryWriter):
        super().__init__()
        self.config, self.run, self.summaries = config, run, summaries
        shape = (config.grids.side**2, config.networks.latent_dim)
        self.latents = config.grids.latent_scale * draws.normal(
            config.seed, 0, draws.Stream.CONTROL_VECTORS, shape
        )
        self.began = 0.0
        self.drawn_at = -1

    def on_train_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Start this step's clock."""
        self.began = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Print the status line and draw the grid if it is this step's turn."""
        step = batch + 1
        if step % self.config.grids.every:
            return
        seconds = time.perf_counter() - self.began
        losses = logs or {}
        tqdm.write(
            f"{step}/{self.config.training.steps}: d_loss: {losses['d_loss']:.4f}, "
            f"a_loss: {losses['g_loss']:.4f}. ({seconds:.1f} sec)"
        )
        self._draw(step)

    def on_train_end(self, logs: Logs = None) -> None:
        """Draw the state that the run ends in."""
        if self.drawn_at != self.model.steps_done:
            self._draw(self.model.steps_done)

    def _draw(self, step: int) -> None:
        generator = self.model.generator
        parts = [generator(part, training=False) for part in images.in_parts(self.latents)]
        picture = images.grid(images.to_uint8(tf.concat(parts, axis=0)).numpy(), self.config.grids.side)
        images.save_png(self.run.grid(step), picture)
        with self.summaries.as_default(step=step):
            tf.summary.image("control_vectors", picture[np.newaxis])
        self.drawn_at = step


class CheckpointSaver(keras.callbacks.Callback):
    """Save every `training.checkpoint_every` steps and at the end, and the curves so far with it."""

    def __init__(self, config: Config, run: RunDirectory, checkpoints: Checkpoints):
        super().__init__()
        self.config, self.run, self.checkpoints = config, run, checkpoints

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Save if it is this step's turn."""
        if (batch + 1) % self.config.training.checkpoint_every == 0:
            self._save()

    def on_train_end(self, logs: Logs = None) -> None:
        """Save the state that the run ends in."""
        self._save()

    def _save(self) -> None:
        self.checkpoints.save()
        self.run.update_record(step=self.model.steps_done)
        metrics = self.run.read_metrics()
        if metrics:
            save_curves(self.run.curves, metrics)


class TrainingGif(keras.callbacks.Callback):
    """At the end, the grids in order as training.gif: at most `MAX_FRAMES`, evenly chosen."""

    MAX_FRAMES = 60
    MAX_PIXELS = 480

    def __init__(self, run: RunDirectory):
        super().__init__()
        self.run = run

    def on_train_end(self, logs: Logs = None) -> None:
        """Write the GIF; a run without a grid has none."""
        paths = self.run.grid_paths()
        if not paths:
            return
        chosen = np.unique(
            np.linspace(0, len(paths) - 1, min(len(paths), self.MAX_FRAMES)).round().astype(int)
        )
        images.save_gif(self.run.gif, (self._frame(paths[i]) for i in chosen), frame_ms=150)

    def _frame(self, path: Any) -> Image.Image:
        with Image.open(path) as grid:
            grid.thumbnail((self.MAX_PIXELS, self.MAX_PIXELS), Image.Resampling.LANCZOS)
            return grid.copy()
