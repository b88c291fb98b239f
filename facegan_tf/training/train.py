"""`train`: from a config to a finished run directory."""

import errno
import sys
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from facegan_tf.common import images
from facegan_tf.common.errors import FaceganError
from facegan_tf.common.terminal import lasting_output
from facegan_tf.config.settings import LENGTHS, Config
from facegan_tf.data.locate import absolute_source, locate
from facegan_tf.data.store import FaceStore
from facegan_tf.data.training_set import TrainingSet
from facegan_tf.evaluation.feature_networks import FeatureNetwork
from facegan_tf.model.finite import NonFiniteError
from facegan_tf.model.gan import GAN, build_gan
from facegan_tf.run import environment
from facegan_tf.run.directory import RunDirectory
from facegan_tf.run.lock import locked
from facegan_tf.run.resume import check_same_images, check_startable
from facegan_tf.run.rewind import rewind
from facegan_tf.training.evaluations import load_network, with_absolute_paths
from facegan_tf.training.nonfinite import keep_numbers
from facegan_tf.training.plan import Plan, check_images, make_plan
from facegan_tf.training.session import Session

_OF_A_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS)
"""Errors of a disk that is full, broken, or not to be written to."""


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
    FaceganError for what fails on the way. Ctrl-C, SIGTERM and a closed terminal save, then raise
    Interrupted.
    """
    # Fusing a convolution with its activation fails where a gradient needs what lies between them, and
    # TensorFlow reports that as an error at every start.
    tf.config.optimizer.set_experimental_options({"remapping": False})
    run = RunDirectory(Path(out) if out else Path("outputs") / config.name)
    if resume and run.exists():
        environment.restore_threads(run.read_record())
    gan, plan, network = _check(config, run, resume)
    config = gan.config
    with lasting_output(), locked(run.folder):
        check_startable(run, config, resume)  # again: another may have begun one, before this had the lock
        _say(*plan.describe(), f"device           {environment.device()}", f"run directory    {run.folder}")
        store = plan.located.open_or_prepare()
        count = min(config.data.limit or len(store), len(store))
        check_images(config, count)
        check_same_images(run, store)
        try:
            _train_to_the_end(Session(gan, run, store, count, network, callbacks))
        except OSError as error:
            if error.errno not in _OF_A_DISK:
                raise
            raise FaceganError(
                f"{run.folder}: can't be written: {error}. What was complete is there still; once the disk "
                f"takes it, go on with: facegan train {run.folder} --resume"
            ) from error
    return run.folder


def _train_to_the_end(session: Session) -> None:
    """Go on from the newest checkpoint and, if so wanted, do so again from there when numbers go bad."""
    config, run, count = session.config, session.run, session.count
    start = session.restore()
    total = config.training.total_steps(count)
    if start > total or (start == total and run.read_record().get("status") == "finished"):
        length = next(key for key in LENGTHS if getattr(config.training, key) is not None)
        _say(f"{run.folder}: has done {start} steps of {total} already; raise training.{length} to go on")
        return
    _begin(run, config, session.store, start, count)
    _show_reals(run, session.store, config, count)
    while True:
        try:
            return session.fit(total)
        except NonFiniteError as error:
            bad = error.with_traceback(None)  # which would keep this GAN alive beside the next
        _say(str(bad), f"the bad step's numbers: {_numbers_kept(session, bad)}")
        _check_may_go_back(session, bad)
        rewind(run, session.roll_back(), config, count)
        _say(f"going back to step {session.gan.steps_done}, rollback {session.rollbacks}")


def _numbers_kept(session: Session, bad: NonFiniteError) -> Path:
    return keep_numbers(session.run.nonfinite, bad, session.rollbacks, session.image_indices)


def _check_may_go_back(session: Session, bad: NonFiniteError) -> None:
    """Raise FaceganError, with the ways out, if the run is to stop instead."""
    training = session.config.training
    ways_out = "try a lower optimizers.*.learning_rate or optimizers.*.clipvalue"
    if training.on_nonfinite == "stop":
        ways_out += ", or training.on_nonfinite=rollback, which goes back to it and on with other noise"
    elif session.rollbacks == training.max_rollbacks:
        ways_out += f", or a higher training.max_rollbacks: it went back {session.rollbacks} times"
    else:
        return
    raise FaceganError(f"{bad}. The newest checkpoint is from before; {ways_out}") from bad


def dry_run(config: Config, out: Path, *, resume: bool = False) -> str:
    """Check everything that `train` checks before the work, and return the resolved settings as YAML.

    The derived numbers follow them as comments, so that what is printed is still a config.
    """
    run = RunDirectory(out)
    gan, plan, _ = _check(config, run, resume)
    if plan.located.store:
        check_same_images(run, plan.located.store)
    derived = [*plan.describe(), f"device           {environment.device()}", f"run directory    {out}"]
    return gan.config.to_yaml() + "\n".join(f"# {line}" for line in derived)


def _check(config: Config, run: RunDirectory, resume: bool) -> tuple[GAN, Plan, FeatureNetwork | None]:
    """The GAN of a run, its plan, and the network of its evaluations; InputError if it can't be done.

    The GAN's config has all paths absolute.
    """
    data = config.data.model_copy(update={"source": absolute_source(config.data.source)})
    evaluation = with_absolute_paths(config.evaluation)
    config = config.model_copy(update={"data": data, "evaluation": evaluation})
    check_startable(run, config, resume)
    located = locate(config.data, run.prepared_store() if resume else None)
    network = load_network(config)
    gan = build_gan(config)
    return gan, make_plan(gan, located, run.folder), network


def _begin(run: RunDirectory, config: Config, store: FaceStore, start: int, count: int) -> None:
    """Fill a new run directory, or pick up the run that is there, which has done `start` steps."""
    if run.exists():
        _say(f"resuming at step {start}", *environment.differences(run.read_record()))
        rewind(run, start, config, count)
    run.update_record(
        store={
            "folder": str(store.folder.absolute()),
            "fingerprint": store.fingerprint,
            "images": len(store),
        },
        **environment.environment(),
    )
    run.write_config(config)


def _show_reals(run: RunDirectory, store: FaceStore, config: Config, count: int) -> None:
    """Draw the first batch as the nets see it, at most as many images as a control grid has."""
    batch = next(iter(TrainingSet.of(config, store).batches())).numpy()
    _say(
        f"reals            scaled to {batch.min():.5f} ... {batch.max():.5f} in the first batch: {run.reals}"
    )
    shown = images.to_uint8(batch[: config.grids.side**2]).numpy()
    images.save_png(run.reals, images.grid(shown, min(config.grids.side, int(np.ceil(len(shown) ** 0.5)))))


def _say(*lines: str) -> None:
    print(*lines, sep="\n", file=sys.stderr, flush=True)
