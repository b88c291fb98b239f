"""`train`: from a config to a finished run directory."""

import sys
import time
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from facegan_tf import images
from facegan_tf.config import Config
from facegan_tf.data import pipeline
from facegan_tf.data.cache import open_or_prepare
from facegan_tf.data.store import FaceStore
from facegan_tf.errors import InputError
from facegan_tf.gan import GAN, build_gan
from facegan_tf.training import callbacks as own
from facegan_tf.training.checkpoints import Checkpoints
from facegan_tf.training.plan import check_images, make_plan
from facegan_tf.training.run_directory import RunDirectory, environment
from facegan_tf.training.signals import Interrupted, on_first_signal
from facegan_tf.training.trainer import fit


def train(
    config: Config,
    out: str | Path | None = None,
    *,
    resume: bool = False,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> Path:
    """Train as the config says and return the run directory, `out` or outputs/NAME.

    resume: go on with the run that is there, if there is one. callbacks: yours, called after ours.
    Everything is checked before the work: raises InputError for what can't be done as asked, and
    FaceganError for what fails on the way. Ctrl-C and SIGTERM save, then raise Interrupted.
    """
    run = RunDirectory(Path(out) if out else Path("outputs") / config.name)
    config = _with_absolute_source(config)
    run.check_startable(config, resume)
    # Fusing a convolution with its activation fails where a gradient needs what lies between them, and
    # TensorFlow reports that as an error at every start.
    tf.config.optimizer.set_experimental_options({"remapping": False})
    gan = build_gan(config)
    plan = make_plan(gan, run.folder)
    _say("\n".join(plan.describe()), f"device           {_device()}", f"run directory    {run.folder}")
    store = open_or_prepare(config.data)
    count = min(config.data.limit or len(store), len(store))
    check_images(config, count)

    checkpoints = Checkpoints(gan, run.checkpoints, config.training.keep_checkpoints)
    start = _begin(run, config, store, checkpoints)
    if start >= config.training.steps:
        _say(f"{run.folder}: has done its {start} steps already; raise training.steps to go on")
        return run.folder
    reals = pipeline.batches(
        store, config.training.batch_size, config.seed, start, limit=count, flip=config.data.flip
    )
    _show_reals(run, store, config, count)
    summaries = tf.summary.create_file_writer(str(run.tensorboard))
    told = [
        own.NonFiniteGuard(),
        own.ProgressBar(config, start),
        own.MetricsLog(config, run, summaries),
        own.ControlGrids(config, run, summaries),
        own.CheckpointSaver(config, run, checkpoints),
        own.TrainingGif(run),
        *callbacks,
    ]
    _fit_recorded(gan, reals, count, told, run)
    return run.folder


def dry_run(config: Config, out: Path, *, resume: bool = False) -> str:
    """Check everything that `train` would, and return the resolved settings as YAML.

    The derived numbers follow them as comments, so that what is printed is still a config.
    """
    config = _with_absolute_source(config)
    RunDirectory(out).check_startable(config, resume)
    plan = make_plan(build_gan(config), out)
    derived = [*plan.describe(), f"device           {_device()}", f"run directory    {out}"]
    return config.to_yaml() + "\n".join(f"# {line}" for line in derived)


def _fit_recorded(
    gan: GAN,
    reals: tf.data.Dataset,
    count: int,
    callbacks: Sequence[keras.callbacks.Callback],
    run: RunDirectory,
) -> None:
    """Train with the signals watched, and leave the outcome in run.json."""
    start, began = gan.steps_done, time.perf_counter()
    run.update_record(status="running")
    status = "failed"

    def stop() -> None:
        gan.stop_training = True

    try:
        with on_first_signal(stop) as watch:
            fit(gan, reals, count, callbacks)
        status = "interrupted" if watch.received else "finished"
    finally:
        run.update_record(status=status)
    seconds = time.perf_counter() - began
    steps = gan.steps_done - start
    speed = steps * gan.config.training.batch_size / seconds
    _say(f"{status} at step {gan.steps_done}: {steps} steps in {seconds:.0f} s, {speed:.1f} images/s")
    _say(f"pictures         {run.grid(gan.steps_done)}, {run.gif}, {run.curves}")
    if watch.received:
        _say(f"saved; go on with --resume and the same --out {run.folder}")
        raise Interrupted(watch.received)


def _begin(run: RunDirectory, config: Config, store: FaceStore, checkpoints: Checkpoints) -> int:
    """Make the run directory, or pick up the run that is there; return the steps already done."""
    began_before = run.exists()
    if began_before:
        known = run.read_record()["store"]["fingerprint"]
        if known != store.fingerprint:
            raise InputError(
                f"data.source: {config.data.source} holds other pixels than this run began with "
                f"(fingerprint {store.fingerprint[:12]}, was {known[:12]}); bring them back, or start "
                "another run with --out"
            )
    run.folder.mkdir(parents=True, exist_ok=True)
    run.update_record(
        store={
            "folder": str(store.folder.absolute()),
            "fingerprint": store.fingerprint,
            "images": len(store),
        },
        **environment(),
    )
    run.write_config(config)
    start = checkpoints.restore_newest() if checkpoints.steps() else 0
    if began_before:
        _say(f"resuming at step {start}")
        run.forget_after(start)
    return start


def _show_reals(run: RunDirectory, store: FaceStore, config: Config, count: int) -> None:
    """Draw the first batch as the nets see it, at most as many images as a control grid has."""
    first = pipeline.batches(
        store, config.training.batch_size, config.seed, limit=count, flip=config.data.flip
    )
    shown = images.to_uint8(next(iter(first))).numpy()[: config.grids.side**2]
    images.save_png(run.reals, images.grid(shown, min(config.grids.side, int(np.ceil(len(shown) ** 0.5)))))


def _with_absolute_source(config: Config) -> Config:
    """The same config, its source found from any working directory: runs are resumed from elsewhere."""
    if not Path(config.data.source).exists():
        return config
    data = config.data.model_copy(update={"source": str(Path(config.data.source).resolve())})
    return config.model_copy(update={"data": data})


def _device() -> str:
    gpus = tf.config.list_physical_devices("GPU")
    return ", ".join(gpu.name for gpu in gpus) or "CPU (TensorFlow sees no GPU)"


def _say(*lines: str) -> None:
    print(*lines, sep="\n", file=sys.stderr, flush=True)
