"""Overrides: settings given as `key.path=value`, by `--set` or by `load_config`."""

from facegan_tf.common.errors import InputError, in_short
from facegan_tf.config.errors import ConfigError
from facegan_tf.config.safe_yaml import (
    KeyPath,
    UnreadableYaml,
    Written,
    dotted,
    invisible_problem,
    parse_yaml,
)
from facegan_tf.config.schema import Block, text_type
from facegan_tf.config.training import LENGTH_SETTINGS
from facegan_tf.config.yaml_settings import YamlSettings


def apply_override(override: str, settings: YamlSettings, model: Block) -> None:
    """Change the settings as `key.path=value` says. Raises ConfigError if that is impossible.

    If the setting is text, everything after `=` is that text: spaces, `#`, `:` and quotes are part of it. If
    it may also be null, the word `null` means null; if it may also be a list, `[a, b]` is one. Every other
    value is YAML. model: the class that will validate the settings.
    """
    key, equals, text = override.partition("=")
    path = tuple(key.split("."))
    try:
        if not equals or not all(path):
            raise InputError(None, None, "must be key.path=value, such as training.steps=500")
        value = _value(path, text, settings, model)
        settings.override(path, value)
    except InputError as error:
        raise ConfigError([InputError("overrides", in_short(override), error.problem)]) from error.__cause__
    if path[:-1] == ("training",) and path[-1] in LENGTH_SETTINGS and value.content is not None:
        for other in set(LENGTH_SETTINGS) - {path[-1]}:
            settings.remove(("training", other))


def _as_list(text: str) -> Written | None:
    """A list in YAML, such as `[a.zip, b.tar]`; None if the text is anything else, such as `[old] photos`."""
    if not (text.startswith("[") and text.endswith("]")):
        return None
    try:
        written = parse_yaml(text)
    except UnreadableYaml:
        return None
    return written if isinstance(written.content, list) else None


def _value(path: KeyPath, text: str, settings: YamlSettings, model: Block) -> Written:
    kind = text_type(path, model, settings.plain())
    if kind == "text or null" and text == "null":
        return Written(None, 1)
    if kind == "text or list" and (written := _as_list(text)):
        return written
    if kind:
        if problem := invisible_problem(text):
            raise InputError(None, None, problem)
        return Written(text, 1)
    try:
        return parse_yaml(text)
    except UnreadableYaml as error:
        first = error.problems[0]
        raise InputError(None, None, f"{dotted(first.path)}: {first.problem}".removeprefix(": ")) from error
