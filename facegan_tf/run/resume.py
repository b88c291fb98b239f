"""Whether a run can start or resume in a folder, and which settings may then differ from the run's own."""

import math
from typing import Any

import yaml

from facegan_tf.common.errors import InputError
from facegan_tf.common.files import is_partial
from facegan_tf.config.load import load_config
from facegan_tf.config.schedule import is_schedule, settings_over_run
from facegan_tf.config.schema import changeable_on_resume
from facegan_tf.config.settings import Config
from facegan_tf.config.training import LENGTH_SETTINGS
from facegan_tf.data.store import FaceStore
from facegan_tf.run.directory import RunDirectory, checkpoint_steps
from facegan_tf.run.lock import LOCK

CHANGEABLE = changeable_on_resume(Config)
"""Settings that may change when a run is resumed: none of them alters what a step computes.

The source may have moved. The store's fingerprint shows whether its pixels are the same.
"""
_LENGTHS = frozenset(f"training.{name}" for name in LENGTH_SETTINGS)
"""These settings alter a step if another setting changes over the whole run."""


def check_startable(run: RunDirectory, config: Config, resume: bool) -> None:
    """Raise InputError unless `config` can start here or, if `resume`, continue the run that is here."""
    if not run.exists():
        if run.folder.exists() and not _is_abandoned(run):
            raise InputError("out", run.folder, "already exists and holds no run; choose another folder")
        return
    if not resume:
        step = next(reversed(checkpoint_steps(run.checkpoints)), 0)
        raise InputError(
            "out",
            run.folder,
            f"already holds a run, saved at step {step}; add `resume` to continue it, or choose another "
            "folder with `out`",
        )
    before = load_config(run.config)
    over_run = settings_over_run(before)
    changeable = CHANGEABLE - _LENGTHS if over_run else CHANGEABLE
    changes = _changes(before, config, changeable)
    if changes:
        listed = "\n".join(f"  {change}" for change in changes)
        fixed = f"\nThe length is fixed by the schedule of {', '.join(over_run)}." if over_run else ""
        raise InputError(
            "out",
            run.folder,
            f"can't be resumed, because these settings differ from the run's own:\n{listed}\nSet them back, "
            "or start another run with `out`. These settings may change: "
            + ", ".join(sorted(changeable))
            + fixed,
        )


def check_same_images(run: RunDirectory, store: FaceStore) -> None:
    """Raise InputError if the run in this directory began with different pixels from the store's."""
    if not run.exists():
        return
    began_with = run.read_record()["store"]["fingerprint"]
    if began_with != store.fingerprint:
        raise InputError(
            "data.source",
            store.folder,
            f"has other pixels than those the run began with (its fingerprint is {store.fingerprint[:12]}, "
            f"not {began_with[:12]}); restore the images, or start another run with `out`",
        )


def flat(settings: dict[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested settings by their full paths, such as `training.steps`, each value in one line of YAML.

    A schedule is one value.
    """
    by_path: dict[str, str] = {}
    for key, value in settings.items():
        if isinstance(value, dict) and not is_schedule(value):
            by_path |= flat(value, f"{prefix}{key}.")
        else:
            written = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=math.inf)
            by_path[prefix + key] = written.split("\n")[0]
    return by_path


def _is_abandoned(run: RunDirectory) -> bool:
    """Whether the folder holds nothing but the traces of a run that was killed as it began."""
    return run.folder.is_dir() and all(
        path.name in (LOCK, run.record.name) or is_partial(path) for path in run.folder.iterdir()
    )


def _changes(before: Config, now: Config, changeable: frozenset[str]) -> list[str]:
    old, new = flat(before.model_dump(mode="json")), flat(now.model_dump(mode="json"))
    return [
        f"{key}: {old.get(key)} in the run, {new.get(key)} now"
        for key in old | new
        if key not in changeable and old.get(key) != new.get(key)
    ]
