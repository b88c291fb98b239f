"""What a run draws: control-vector grids, the faces of chosen epochs, PSNR, the GIF."""

import time

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from facegan_tf.common import draws, images
from facegan_tf.common.due import due
from facegan_tf.common.evenly_spaced import evenly_spaced
from facegan_tf.common.files import append_line, atomic_file
from facegan_tf.common.thumbnails import thumbnail
from facegan_tf.evaluation.psnr import nearest_psnr, psnr_among
from facegan_tf.run.directory import RunDirectory
from facegan_tf.training.context import RunContext
from facegan_tf.training.step_callback import Logs, StepCallback


class ControlFaces(StepCallback):
    """Draws the same latents every `grids.every` steps, after chosen epochs, and at the end.

    The control vectors are N(0, 1) * grids.latent_scale, fixed by the seed. Each grid comes with a status
    line, as in the source, and with the faces' PSNR.
    """

    def __init__(self, context: RunContext):
        super().__init__()
        self.context, self.psnr = context, PsnrLog(context)
        self.grids = context.config.grids
        shape = (self.grids.side**2, context.config.networks.latent_dim)
        self.latents = self.grids.latent_scale * draws.normal(
            context.config.seed, 0, draws.Stream.CONTROL_VECTORS, shape
        )
        self.began = 0.0
        self.drawn_at: int | None = None
        self._compiled_sampler = tf.function(lambda latents: self.model.sampler(latents, training=False))

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Note whether the grid of the step being resumed exists."""
        super().on_train_begin(logs)
        if self.context.run.grid(self.model.steps_done).exists():
            self.drawn_at = self.model.steps_done

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Start the clock of this call."""
        self.began = time.perf_counter()

    def after_steps(self, before: int, after: int, logs: Logs) -> None:
        """Print the status line, draw the grid and keep an epoch's faces, each if it is due.

        The epoch's faces don't wait for `on_epoch_end`: by then this step may have been saved, and a run
        killed in between would resume after it.
        """
        seconds, total = time.perf_counter() - self.began, self.context.total_steps
        is_due = due(before, after, self.grids.every)
        if is_due:
            losses = ", ".join(f"{name}: {loss:.4f}" for name, loss in logs.items())
            tqdm.write(f"{after}/{total}: {losses}. ({seconds:.1f} sec)")
        if is_due or after == total:
            self._draw_grid(after)
        training, epoch_images = self.context.config.training, len(self.context.images)
        epochs_before, epoch = (training.whole_epochs(step, epoch_images) for step in (before, after))
        if epoch > epochs_before and self.grids.keeps_epoch(epoch):
            self._keep_epoch(epoch)

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Draw the state in which the session stops."""
        if self.drawn_at != self.model.steps_done:
            self._draw_grid(self.model.steps_done)

    def picture(self) -> np.ndarray:
        """The control faces as the generator draws them now, in a grid: uint8 [H, W, 3]."""
        return images.grid(self._draw(), self.grids.side)

    def _draw(self) -> np.ndarray:
        parts = [self._compiled_sampler(part) for part in images.split_batches(self.latents)]
        return images.to_uint8(tf.concat(parts, axis=0)).numpy()

    def _draw_grid(self, step: int) -> None:
        faces = self._draw()
        picture = images.grid(faces, self.grids.side)
        images.save_png(self.context.run.grid(step), picture)
        self.context.events.add_picture(step, "control_vectors", picture)
        self.psnr.write(step, faces)
        self.drawn_at = step

    def _keep_epoch(self, epoch: int) -> None:
        faces, run = self._draw(), self.context.run
        images.save_png(run.epoch(epoch, ".png"), images.grid(faces, self.grids.side))
        with atomic_file(run.epoch(epoch, ".npz")) as partial, partial.open("wb") as file:
            np.savez_compressed(file, faces=faces, latents=self.latents.numpy())


class PsnrLog:
    """PSNR of the first control faces against their nearest reals, in psnr.jsonl and TensorBoard.

    The reals compared are the first `grids.psnr_pool` images that the run learns from.
    """

    FACES = 16
    """Number of control faces to score."""

    def __init__(self, context: RunContext):
        self.context = context
        self.pool = context.images.first(context.config.grids.psnr_pool)
        among = psnr_among(self.pool, self.FACES)
        context.run.update_record(psnr={"pool": len(self.pool), "among_reals": float(among.mean())})

    def write(self, step: int, faces: np.ndarray) -> None:
        """Score faces uint8 [N, S, S, 3], drawn after `step` steps, and add the scores to the logs."""
        scores = nearest_psnr(faces[: self.FACES], self.pool)
        line = {"step": step, "mean": scores.mean(), "faces": scores.tolist()}
        append_line(self.context.run.psnr, line)
        self.context.events.add_scalars(step, {"psnr": line["mean"]})


class TrainingGif(keras.callbacks.Callback):
    """At the end, writes training.gif: the grids in order, at most `MAX_FRAMES`, evenly spaced."""

    MAX_FRAMES = 60
    MAX_PIXELS = 480

    def __init__(self, run: RunDirectory):
        super().__init__()
        self.run = run

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Write the GIF; a run without a grid has none."""
        paths = self.run.grid_paths()
        if not paths:
            return
        chosen = evenly_spaced(paths, self.MAX_FRAMES)
        frames = (frame for path in chosen if (frame := thumbnail(path, self.MAX_PIXELS)))
        images.save_gif(self.run.gif, frames, frame_ms=150)
