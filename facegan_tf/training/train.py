"""`train`: from a config to a finished run directory."""

import sys
import time
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from facegan_tf import images
from facegan_tf.config import LENGTHS, Config
from facegan_tf.data import pipeline
from facegan_tf.data.locate import absolute_source, locate
from facegan_tf.data.store import FaceStore
from facegan_tf.errors import FaceganError
from facegan_tf.evaluation.feature_networks import FeatureNetwork
from facegan_tf.gan import GAN, build_gan
from facegan_tf.training import callbacks as own
from facegan_tf.training import pictures
from facegan_tf.training.checkpoints import Checkpoints
from facegan_tf.training.clock import Clock
from facegan_tf.training.evaluations import Evaluations, load_network, with_absolute_paths
from facegan_tf.training.losses import LossStatistics
from facegan_tf.training.plan import Plan, check_images, make_plan
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
    # Fusing a convolution with its activation fails where a gradient needs what lies between them, and
    # TensorFlow reports that as an error at every start.
    tf.config.optimizer.set_experimental_options({"remapping": False})
    run = RunDirectory(Path(out) if out else Path("outputs") / config.name)
    gan, plan, network = _check(config, run, resume)
    config = gan.config
    _say(*plan.describe(), f"device           {_device()}", f"run directory    {run.folder}")
    store = plan.located.open_or_prepare()
    count = min(config.data.limit or len(store), len(store))
    check_images(config, count)
    run.check_same_images(store)

    checkpoints = Checkpoints(gan, run.checkpoints, config.training.keep_checkpoints)
    start = checkpoints.restore() if checkpoints.steps() else 0
    total = config.training.total_steps(count)
    if start > total or (start == total and run.read_record()["status"] == "finished"):
        length = next(key for key in LENGTHS if getattr(config.training, key) is not None)
        _say(f"{run.folder}: has done {start} steps of {total} already; raise training.{length} to go on")
        return run.folder
    _begin(run, config, store, start, count)
    reals = pipeline.batches(
        store, config.training.batch_size, config.seed, start, limit=count, flip=config.data.flip
    )
    _show_reals(run, store, config, count)
    notes = checkpoints.newest_notes() if start else {}
    statistics, clock = LossStatistics(notes.get("losses")), Clock(notes.get("seconds", 0.0))
    summaries = tf.summary.create_file_writer(str(run.tensorboard))
    psnr = pictures.PsnrLog(config, run, summaries, store, count)
    faces = pictures.ControlFaces(config, run, summaries, psnr)
    evaluating = []
    if config.evaluation.every:
        evaluating.append(
            Evaluations(config, run, summaries, checkpoints, clock, faces, store, count, network)
        )
    told = [
        clock,
        own.NonFiniteGuard(),
        own.ProgressBar(config),
        own.MetricsLog(config, run, summaries),
        statistics,
        faces,
        *evaluating,
        own.CheckpointSaver(config, run, checkpoints, statistics, clock),
        pictures.TrainingGif(run),
        *callbacks,
    ]
    _fit_recorded(gan, reals, count, total, told, run)
    _say(*statistics.describe())
    return run.folder


def dry_run(config: Config, out: Path, *, resume: bool = False) -> str:
    """Check everything that `train` checks before the work, and return the resolved settings as YAML.

    The derived numbers follow them as comments, so that what is printed is still a config.
    """
    run = RunDirectory(out)
    gan, plan, _ = _check(config, run, resume)
    if plan.located.store:
        run.check_same_images(plan.located.store)
    derived = [*plan.describe(), f"device           {_device()}", f"run directory    {out}"]
    return gan.config.to_yaml() + "\n".join(f"# {line}" for line in derived)


def _check(config: Config, run: RunDirectory, resume: bool) -> tuple[GAN, Plan, FeatureNetwork | None]:
    """The GAN of a run, its plan, and the network of its evaluations; InputError if it can't be done.

    The GAN's config has all paths absolute.
    """
    data = config.data.model_copy(update={"source": absolute_source(config.data.source)})
    evaluation = with_absolute_paths(config.evaluation)
    config = config.model_copy(update={"data": data, "evaluation": evaluation})
    run.check_startable(config, resume)
    located = locate(config.data)
    network = load_network(config)
    gan = build_gan(config)
    return gan, make_plan(gan, located, run.folder), network


def _fit_recorded(
    gan: GAN,
    reals: tf.data.Dataset,
    count: int,
    total: int,
    callbacks: Sequence[keras.callbacks.Callback],
    run: RunDirectory,
) -> None:
    """Train with the signals watched, and leave the outcome in run.json."""
    start, began = gan.steps_done, time.perf_counter()
    run.update_record(status="running")
    status = "failed"
    gan.stop_training = False  # before a signal may set it

    def stop() -> None:
        gan.stop_training = True

    try:
        with on_first_signal(stop) as watch:
            fit(gan, reals, count, callbacks)
        finished = gan.steps_done >= total
        status = "finished" if finished else "interrupted" if watch.received else "stopped"
    except tf.errors.ResourceExhaustedError as error:
        raise FaceganError(
            f"step {gan.steps_done + 1}: out of memory; lower training.batch_size, data.size or the channels "
            f"of the nets ({str(error).splitlines()[0]})"
        ) from error
    finally:
        run.update_record(status=status)
    seconds = time.perf_counter() - began
    steps = gan.steps_done - start
    speed = steps * gan.config.training.batch_size / seconds
    _say(f"{status} at step {gan.steps_done}: {steps} steps in {seconds:.0f} s, {speed:.2f} images/s")
    _say(f"pictures         {run.grid(gan.steps_done)}, {run.gif}, {run.curves}")
    if watch.received and not finished:
        _say(f"saved; go on with: facegan train {run.folder} --resume")
        raise Interrupted(watch.received)


def _begin(run: RunDirectory, config: Config, store: FaceStore, start: int, count: int) -> None:
    """Make the run directory, or pick up the run that is there, which has done `start` steps."""
    if run.exists():
        _say(f"resuming at step {start}", *run.changed_environment())
        run.forget_after(start, config, count)
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


def _show_reals(run: RunDirectory, store: FaceStore, config: Config, count: int) -> None:
    """Draw the first batch as the nets see it, at most as many images as a control grid has."""
    first = pipeline.batches(
        store, config.training.batch_size, config.seed, limit=count, flip=config.data.flip
    )
    batch = next(iter(first)).numpy()
    _say(
        f"reals            scaled to {batch.min():.5f} ... {batch.max():.5f} in the first batch: {run.reals}"
    )
    shown = images.to_uint8(batch[: config.grids.side**2]).numpy()
    images.save_png(run.reals, images.grid(shown, min(config.grids.side, int(np.ceil(len(shown) ** 0.5)))))


def _device() -> str:
    gpus = tf.config.list_physical_devices("GPU")
    return ", ".join(gpu.name for gpu in gpus) or "CPU (TensorFlow sees no GPU)"


def _say(*lines: str) -> None:
    print(*lines, sep="\n", file=sys.stderr, flush=True)
