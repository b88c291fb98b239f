"""What the workers of a cluster check together, and what happens to them when one is lost."""

import contextlib
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import tensorflow as tf
from tensorflow.python.eager import context

from facegan_tf.common.due import due
from facegan_tf.common.errors import FaceganError, in_one_line
from facegan_tf.common.status import print_status
from facegan_tf.common.versions import versions
from facegan_tf.config.settings import Config
from facegan_tf.data.locate import Located
from facegan_tf.data.store import FaceStore
from facegan_tf.data.training_set import TrainingSet
from facegan_tf.model.gan import GAN
from facegan_tf.model.nonfinite import NonFiniteError
from facegan_tf.model.runtime import Runtime
from facegan_tf.model.state import nonfinite_variables, weights_sha256
from facegan_tf.training.step_callback import Logs, StepCallback

LOST = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.DeadlineExceededError,
    tf.errors.CancelledError,
    tf.errors.FailedPreconditionError,
    tf.errors.InternalError,
)
"""What TensorFlow raises if another worker doesn't answer."""


def open_in_turn(located: Located, runtime: Runtime) -> FaceStore:
    """The store. The chief prepares it first, if necessary: the others may see the same folder."""
    if not runtime.is_chief:
        runtime.wait_for_all()
    store = located.open_or_prepare()
    if runtime.is_chief:
        runtime.wait_for_all()
    return store


def check_all_start_alike(gan: GAN, images: TrainingSet, runtime: Runtime) -> None:
    """Raise FaceganError, on every worker, unless all start from the same state, settings and images."""
    # The images may have different paths on each machine.
    data = gan.config.data.model_copy(update={"source": "", "attributes": None, "cache": ""})
    check_all_have_the_same(
        runtime,
        settings=gan.config.model_copy(update={"data": data}).to_yaml(),
        fingerprint_of_the_images=f"{images.store.fingerprint}, {len(images)} images",
        step=gan.steps_done,
        weights=weights_sha256(gan),
        versions=versions("tensorflow", "keras", "numpy"),
    )


def check_all_have_the_same(runtime: Runtime, **facts: object) -> None:
    """Raise FaceganError, on every worker, unless all have the same facts as the chief.

    facts: by their names in the message, with underscores for spaces: `store_fingerprint`.
    """
    rows = runtime.gather(*(_number(fact) for fact in facts.values()))
    for place, name in enumerate(facts):
        others = [worker for worker, row in enumerate(rows) if row[place] != rows[0, place]]
        if others:
            what, listed = name.replace("_", " "), ", ".join(map(str, others))
            raise FaceganError(
                f"{what}: not the same on all {runtime.workers} workers: {listed} differ from worker 0. "
                f"Here, on worker {runtime.worker}: {facts[name]}. Give all workers the same config, the "
                "same images and the same run directory"
            )


def _number(fact: object) -> int:
    return int(hashlib.sha256(str(fact).encode()).hexdigest()[:15], 16)


@contextlib.contextmanager
def lost_workers_end_the_run(runtime: Runtime, folder: Path) -> Iterator[None]:
    """In the block, what TensorFlow raises if another worker is lost becomes a FaceganError."""
    try:
        yield
    except LOST as error:
        if runtime.workers == 1:
            raise
        raise FaceganError(
            f"worker {runtime.worker} of {runtime.workers}: another worker was lost ({_reason(error)}). What "
            f"was saved is intact; start all workers again with: facegan train {folder} --resume"
        ) from error


def leave_together(worker: int, workers: int, seconds: int) -> None:
    """Return when no other worker needs this process any more; all call this when their work is done.

    If a worker ended at once, others might not get the last numbers that they have yet to fetch from it.
    seconds: how long to wait for them. Losing a worker now is no error: all work is done.
    """
    services = context.context()  # the only way to TensorFlow's coordination service, which the chief runs
    try:
        services.wait_at_barrier("done", seconds * 1000)
    except LOST as error:
        print_status(f"another worker was lost when all work was done ({_reason(error)})")
        return
    # The chief answers these calls, so it leaves last. Its answer to the last call may be lost.
    with contextlib.suppress(*LOST):
        if worker:
            services.set_config_key_value(f"leaving/{worker}", "")
        else:
            for other in range(1, workers):
                services.get_config_key_value(f"leaving/{other}", seconds * 1000)


def _reason(error: tf.errors.OpError) -> str:
    """What happened, without the location in the graph."""
    found = re.search(r"Collective ops is aborted by: ([^\n]+)", error.message)
    return in_one_line(found[1] if found else error.message.splitlines()[-1])


class StateGuard(StepCallback):
    """On each of several workers: checks the state in the steps in which the chief saves.

    All raise NonFiniteError in the same step, whatever the chief saves then, so they go back together.
    """

    def __init__(self, config: Config):
        super().__init__()
        self.every = [config.training.checkpoint_every, config.evaluation.every]
        self.last_good = 0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Note the step at which the session starts: its state was checked when it was saved."""
        super().on_train_begin(logs)
        self.last_good = self.model.steps_done

    def after_steps(self, before: int, after: int, logs: Logs) -> None:
        """Check in the steps in which the chief saves."""
        if any(every and due(before, after, every) for every in self.every):
            self._check(self.model)

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Check the state in which the session ends."""
        self._check(self.model)

    def _check(self, gan: GAN) -> None:
        if bad := nonfinite_variables(gan):
            raise NonFiniteError(self.last_good, gan.steps_done, {}, bad)
        self.last_good = gan.steps_done
