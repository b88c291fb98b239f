"""`train`: from a config to a finished run directory."""

import contextlib
import errno
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from facegan_tf.common.errors import FaceganError
from facegan_tf.common.images import grid, save_png, to_uint8
from facegan_tf.common.status import print_status
from facegan_tf.common.terminal import lasting_output
from facegan_tf.config.load import load_config
from facegan_tf.config.places import naming_places
from facegan_tf.config.settings import Config
from facegan_tf.config.training import LENGTH_SETTINGS
from facegan_tf.data.locate import locate, with_absolute_paths
from facegan_tf.data.training_set import TrainingSet
from facegan_tf.evaluation.feature_networks import FeatureNetwork
from facegan_tf.model.build import build_gan
from facegan_tf.model.gan import GAN
from facegan_tf.model.layers.whole_batch import check_layers
from facegan_tf.model.nonfinite import NonFiniteError
from facegan_tf.model.runtime import ONE_DEVICE, Runtime
from facegan_tf.run import environment
from facegan_tf.run.directory import RunDirectory, checkpoint_steps
from facegan_tf.run.lock import locked
from facegan_tf.run.resume import check_same_images, check_startable
from facegan_tf.run.rewind import rewind
from facegan_tf.training import evaluations
from facegan_tf.training.devices import Devices, choose_devices
from facegan_tf.training.evaluations import load_network
from facegan_tf.training.nonfinite import save_numbers
from facegan_tf.training.plan import Plan, check_images, make_plan
from facegan_tf.training.session import Session
from facegan_tf.training.start import absolute_start, new_gan
from facegan_tf.training.workers import check_all_start_alike, lost_workers_end_the_run, open_in_turn

_DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS)
"""The disk is full, broken, or read-only."""


def train(
    config: Config,
    out: str | Path | None = None,
    *,
    resume: bool = False,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    devices: Devices | None = None,
) -> Path:
    """Train as the config says and return the run directory, `out` or outputs/NAME.

    resume: continue the run in that directory, if there is one. callbacks: your own, called after ours; they
    get each step's losses by name, and the GAN as `self.model`. devices: from `choose_devices` (None: one
    device, or the cluster that TF_CONFIG names). Everything is checked before the work. Raises InputError for
    what can't be done as asked, and FaceganError for what fails later. Ctrl-C and the other signals of
    `facegan_tf.training.signals` save a checkpoint, then raise Interrupted.

    >>> from facegan_tf import load_config, train
    >>> config = load_config("configs/quickstart.yaml", ["training.steps=2", "data.source=synthetic:32"])
    >>> train(config, "outputs/example").name
    'example'
    """
    set_graph_options(config)
    run = RunDirectory(Path(out) if out else Path("outputs") / config.name)
    if resume and run.exists():
        environment.restore_threads(run.read_record())
    with naming_places(config):
        devices = _checked(devices, config)
        runtime = devices.start()
        with lost_workers_end_the_run(runtime, run.folder):
            gan, plan, network = _check(config, run, resume, devices, runtime)
            with lasting_output(), _held_by_chief(run, runtime):
                if runtime.is_chief:  # again: another process may have started one before we got the lock
                    check_startable(run, gan.config, resume)
                _train_as_planned(gan, plan, run, network, callbacks, runtime)
    return run.folder


def _checked(devices: Devices | None, config: Config) -> Devices:
    devices = devices or choose_devices()
    devices.check_batch(config.training.batch_size, config.training.jit)
    return devices


def _held_by_chief(run: RunDirectory, runtime: Runtime) -> contextlib.AbstractContextManager:
    """Keep other processes that train out of the run directory."""
    return locked(run.folder) if runtime.is_chief else contextlib.nullcontext()


def set_graph_options(config: Config) -> None:
    """Turn off what TensorFlow's graph optimizer should not do to a step."""
    has_more_terms = config.objective.loss != "bce" or any(config.objective.penalty_weights().values())
    tf.config.optimizer.set_experimental_options(
        {
            # Fusing a convolution with its activation fails where a gradient needs what lies between them,
            # and TensorFlow reports that as an error at every start.
            "remapping": False,
            # Rewritten sums add up in an order that depends on the graph: in a loss with more terms than the
            # recipes', the number of steps in a call would change the last bits. The recipes keep their bits.
            "arithmetic_optimization": not has_more_terms,
        }
    )


def _train_as_planned(
    gan: GAN,
    plan: Plan,
    run: RunDirectory,
    network: FeatureNetwork | None,
    callbacks: Sequence[keras.callbacks.Callback],
    runtime: Runtime,
) -> None:
    print_status(*_described(plan, run))
    store = open_in_turn(plan.located, runtime)
    check_images(gan.config, gan.config.data.training_count(len(store)))
    images = TrainingSet.of(gan.config, store)
    check_same_images(run, store)
    session = Session(gan, run, images, network, callbacks, runtime)
    start = session.restore()
    check_all_start_alike(gan, images, runtime)  # nothing that others look at is written before this
    try:
        _train_to_the_end(session, start)
    except OSError as error:
        if error.errno not in _DISK_ERRORS:
            raise
        raise FaceganError(
            f"{run.folder}: writing failed: {error}. Everything written before is intact; once the disk "
            f"has room, resume with: facegan train {run.folder} --resume"
        ) from error


def dry_run(config: Config, out: Path, *, resume: bool = False, devices: Devices | None = None) -> str:
    """Check everything that `train` checks before the work, and return the resolved settings as YAML.

    It starts no device, and doesn't wait for other workers. The derived numbers follow the settings as
    comments, so that the text is still a config.
    """
    run = RunDirectory(out)
    with naming_places(config):
        gan, plan, _ = _check(config, run, resume, _checked(devices, config), ONE_DEVICE)
        if plan.located.store:
            check_same_images(run, plan.located.store)
    return gan.config.to_yaml() + "\n".join(f"# {line}" for line in _described(plan, run))


def _described(plan: Plan, run: RunDirectory) -> list[str]:
    return [*plan.describe(), f"run directory    {run.folder}"]


def _check(
    config: Config, run: RunDirectory, resume: bool, devices: Devices, runtime: Runtime
) -> tuple[GAN, Plan, FeatureNetwork | None]:
    """The GAN of a run, its plan, and the network for its evaluations; InputError if it can't be trained.

    The GAN's config has absolute paths only, and names the step of the run that it starts from.
    """
    data, evaluation = with_absolute_paths(config.data), evaluations.with_absolute_paths(config.evaluation)
    began = load_config(run.config).training if resume and run.exists() else None
    began_from = began.start_from if began else None
    meant: dict[str, Any] = {"start_from": absolute_start(config.training.start_from, began_from)}
    if began and config.training.precision == "auto":
        meant["precision"] = began.precision
    training = config.training.model_copy(update=meant)
    config = config.model_copy(update={"data": data, "evaluation": evaluation, "training": training})
    check_startable(run, config, resume)
    located = locate(config.data, run.prepared_store() if resume else None)
    network = load_network(config) if runtime.is_chief else None
    is_new = not checkpoint_steps(run.checkpoints)  # otherwise its own nets replace those it starts from
    with runtime.scope():
        gan = new_gan(config) if is_new else build_gan(config)
    if devices.replicas > 1:
        check_layers(gan.generator)
        check_layers(gan.discriminator)
    return gan, make_plan(gan, located, run.folder, devices), network


def _train_to_the_end(session: Session, start: int) -> None:
    """Train from the newest checkpoint; after NaN or infinity, go back to it if `on_nonfinite` says so."""
    config, run, epoch_images = session.config, session.run, len(session.images)
    total, is_chief = session.total_steps, session.runtime.is_chief
    if start > total or (start == total and run.read_record().get("status") == "finished"):
        length = next(key for key in LENGTH_SETTINGS if getattr(config.training, key) is not None)
        print_status(
            f"{run.folder}: finished: {start} of {total} steps are done; raise training.{length} to continue"
        )
        return
    if is_chief:
        _begin(session, start)
        _draw_reals(session)
    while True:
        try:
            return session.train()
        except NonFiniteError as error:
            bad = error.with_traceback(None)  # the traceback would keep this GAN alive beside the next
        if is_chief:
            numbers = save_numbers(run.nonfinite, bad, session.rollbacks, session.image_indices)
            print_status(str(bad), f"the bad step's numbers: {numbers}")
        _check_may_roll_back(session, bad)
        start = session.roll_back()
        check_all_start_alike(session.gan, session.images, session.runtime)
        if is_chief:
            rewind(run, start, config, epoch_images)
        print_status(f"going back to step {session.gan.steps_done}, rollback {session.rollbacks}")


def _check_may_roll_back(session: Session, bad: NonFiniteError) -> None:
    """Raise FaceganError, with the ways out, if the run must stop instead."""
    training = session.config.training
    ways_out = "try a lower optimizers.*.learning_rate or optimizers.*.clipvalue"
    if training.on_nonfinite == "stop":
        ways_out += ", or training.on_nonfinite=rollback, which goes back and draws other noise"
    elif session.rollbacks >= training.max_rollbacks:
        ways_out += f", or a higher training.max_rollbacks: it went back {session.rollbacks} times"
    else:
        return
    raise FaceganError(f"{bad}. The newest checkpoint is from before that; {ways_out}") from bad


def _begin(session: Session, start: int) -> None:
    """Fill a new run directory, or resume the existing run at step `start`."""
    run, config, store = session.run, session.config, session.images.store
    replicas = session.runtime.replicas
    session.forget_after(start)
    if run.exists():
        print_status(f"resuming at step {start}", *environment.differences(run.read_record(), replicas))
        rewind(run, start, config, len(session.images))
    run.update_record(
        store={
            "folder": str(store.folder.absolute()),
            "fingerprint": store.fingerprint,
            "images": len(session.images),
            "held_out": config.data.held_out,
            "source": store.manifest.source,
            "licence": store.manifest.licence,
        },
        curves={name: curve._asdict() for name, curve in session.gan.objective.curves.items()},
        **({"start_from": config.training.start_from} if config.training.start_from else {}),
        **environment.environment(replicas),
    )
    run.write_config(config)
    session.save_start()


def _draw_reals(session: Session) -> None:
    """Draw the first batch as the nets see it, at most as many images as a control grid has."""
    run, side = session.run, session.config.grids.side
    batch = next(iter(session.images.batches())).numpy()
    print_status(
        f"reals            scaled to {batch.min():.5f} ... {batch.max():.5f} in the first batch: {run.reals}"
    )
    reals = to_uint8(batch[: side**2]).numpy()
    save_png(run.reals, grid(reals, min(side, math.ceil(len(reals) ** 0.5))))
