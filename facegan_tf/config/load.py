"""Reading a config: a YAML file and overrides, to validated settings."""

import os
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from facegan_tf.common.errors import InputError
from facegan_tf.config.problems import explain
from facegan_tf.config.settings import LENGTHS, Config
from facegan_tf.config.yaml_settings import read_yaml


def load_config(path: str | Path, overrides: Sequence[str] = ()) -> Config:
    """Read a config file, or a run directory's config.yaml, and apply `key.path=value` overrides.

    Raises InputError, with a line for each wrong setting: where it is written, its full path, its value.
    """
    # Not by pathlib, which raises OSError for a name that is too long.
    settings = read_yaml(Path(path, "config.yaml") if os.path.isdir(path) else Path(path))  # noqa: PTH112
    for override in overrides:
        (*block, key), value = settings.override(override)
        if block == ["training"] and key in LENGTHS and value is not None:
            for other in set(LENGTHS) - {key}:
                settings.remove(("training", other))
    try:
        return Config.model_validate(settings.plain())
    except ValidationError as error:
        raise InputError(explain(error, Config, settings)) from error
