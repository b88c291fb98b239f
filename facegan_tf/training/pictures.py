"""What a run draws: control-vector grids, the faces of named epochs, PSNR, the GIF."""

import sys
import time
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from PIL import Image
from tqdm import tqdm

from facegan_tf.common import draws, images
from facegan_tf.common.files import append_line, atomic_file
from facegan_tf.config.settings import Config
from facegan_tf.data.store import FaceStore
from facegan_tf.evaluation.psnr import nearest_psnr, psnr_among
from facegan_tf.run.directory import RunDirectory
from facegan_tf.run.tensorboard import EventLog

Logs = dict[str, float] | None


class ControlFaces(keras.callbacks.Callback):
    """The same latents drawn every `grids.every` steps, after named epochs, and at the end.

    The control vectors are N(0, 1) * grids.latent_scale, fixed by the seed. With each grid go the
    source's status line and the faces' PSNR.
    """

    def __init__(self, config: Config, run: RunDirectory, events: EventLog, psnr: "PsnrLog"):
        super().__init__()
        self.config, self.run, self.events, self.psnr = config, run, events, psnr
        shape = (config.grids.side**2, config.networks.latent_dim)
        self.latents = config.grids.latent_scale * draws.normal(
            config.seed, 0, draws.Stream.CONTROL_VECTORS, shape
        )
        self.began = 0.0
        self.drawn_at = -1

    def on_train_begin(self, logs: Logs = None) -> None:
        """See whether the grid of the step that a run goes on from is there."""
        if self.run.grid(self.model.steps_done).exists():
            self.drawn_at = self.model.steps_done

    def on_train_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Start this step's clock."""
        self.began = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Print the status line and draw the grid, and keep an epoch's faces, if it is their turn.

        The epoch's are not left to `on_epoch_end`: by then this step may have been saved, and a run that
        is killed in between goes on after it.
        """
        step, seconds = batch + 1, time.perf_counter() - self.began
        on_time = step % self.config.grids.every == 0
        if on_time:
            losses = logs or {}
            tqdm.write(
                f"{step}/{self.params['steps']}: d_loss: {losses['d_loss']:.4f}, "
                f"a_loss: {losses['g_loss']:.4f}. ({seconds:.1f} sec)"
            )
        if on_time or step == self.params["steps"]:
            self._draw_grid(step)
        before, epoch = (self.config.training.whole_epochs(n, self.params["images"]) for n in (batch, step))
        if epoch > before and self.config.grids.keeps_epoch(epoch):
            self._keep_epoch(epoch)

    def _keep_epoch(self, epoch: int) -> None:
        faces = self._draw()
        images.save_png(self.run.epoch(epoch, ".png"), images.grid(faces, self.config.grids.side))
        with atomic_file(self.run.epoch(epoch, ".npz")) as partial, partial.open("wb") as file:
            np.savez_compressed(file, faces=faces, latents=self.latents.numpy())

    def on_train_end(self, logs: Logs = None) -> None:
        """Draw the state that a run is stopped in."""
        if self.drawn_at != self.model.steps_done:
            self._draw_grid(self.model.steps_done)

    def _draw(self) -> np.ndarray:
        parts = [self.model.generator(part, training=False) for part in images.split_batches(self.latents)]
        return images.to_uint8(tf.concat(parts, axis=0)).numpy()

    def picture(self) -> np.ndarray:
        """The control faces as they are now, in a grid: uint8 [H, W, 3]."""
        return images.grid(self._draw(), self.config.grids.side)

    def _draw_grid(self, step: int) -> None:
        faces = self._draw()
        picture = images.grid(faces, self.config.grids.side)
        images.save_png(self.run.grid(step), picture)
        self.events.add_picture(step, "control_vectors", picture)
        self.psnr.write(step, faces)
        self.drawn_at = step


class PsnrLog:
    """PSNR of the first control faces against their nearest reals, to psnr.jsonl and TensorBoard.

    The pool of reals is the first `grids.psnr_pool` images of those trained on.
    """

    FACES = 16
    """How many of the control faces are scored."""

    def __init__(
        self,
        config: Config,
        run: RunDirectory,
        events: EventLog,
        store: FaceStore,
        count: int,
    ):
        """count: how many of the store's images are trained on."""
        self.run, self.events = run, events
        self.pool = store.gather(np.arange(min(config.grids.psnr_pool, count)))
        among = psnr_among(self.pool, self.FACES)
        run.update_record(psnr={"pool": len(self.pool), "among_reals": float(among.mean())})

    def write(self, step: int, faces: np.ndarray) -> None:
        """Score uint8 faces [N, S, S, 3], drawn after so many steps, and add them to the log."""
        scores = nearest_psnr(faces[: self.FACES], self.pool)
        line = {"step": step, "mean": scores.mean(), "faces": scores.tolist()}
        append_line(self.run.psnr, line)
        self.events.add_scalars(step, {"psnr": line["mean"]})


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
        frames = (frame for i in chosen if (frame := self._frame(paths[i])))
        images.save_gif(self.run.gif, frames, frame_ms=150)

    def _frame(self, path: Path) -> Image.Image | None:
        """The grid, at most MAX_PIXELS a side; None, and a warning, if the file was damaged since."""
        try:
            with Image.open(path) as grid:
                grid.thumbnail((self.MAX_PIXELS, self.MAX_PIXELS), Image.Resampling.LANCZOS)
                return grid.copy()
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            tqdm.write(f"warning: {path} is left out of {self.run.gif.name}: {error}", file=sys.stderr)
            return None
