"""Loading a config: from a YAML file and overrides to validated settings."""

import os
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from facegan_tf.config.overrides import apply_override
from facegan_tf.config.places import Places
from facegan_tf.config.problems import explain
from facegan_tf.config.settings import Config
from facegan_tf.config.yaml_settings import read_yaml


def load_config(path: str | Path, overrides: Sequence[str] = ()) -> Config:
    """Read a config, apply the overrides, and validate it.

    path: a YAML file, or a run directory, whose config.yaml is read. overrides: `key.path=value`, applied in
    order. A value is YAML, unless the setting is text: then everything after `=` is the text. Giving one of
    training.steps, epochs and images removes the others.

    Raises ConfigError, whose `problems` has an InputError for each problem, with the full path of the
    setting, its value, and the place where it is written.

    >>> config = load_config("configs/quickstart.yaml", ["training.steps=20", "data.source=my photos"])
    >>> config.training.steps, config.data.source, config.place_of("data.size")
    (20, 'my photos', 'configs/quickstart.yaml: line 10')
    """
    # Not pathlib's `is_dir`, which raises OSError for a name that is too long.
    settings = read_yaml(Path(path, "config.yaml") if os.path.isdir(path) else Path(path))  # noqa: PTH112
    for override in overrides:
        apply_override(override, settings, Config)
    try:
        config = Config.model_validate(settings.plain())
    except ValidationError as error:
        raise explain(error, Config, settings) from error
    config._places = Places(settings)
    return config
