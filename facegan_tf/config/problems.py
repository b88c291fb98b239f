"""Explains a config's problems: one for each wrong setting, with its place, path and value."""

import difflib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from facegan_tf.config.base import WrongSetting
from facegan_tf.config.errors import ConfigError, SettingError
from facegan_tf.config.safe_yaml import KeyPath, dotted
from facegan_tf.config.schedule import FORMS
from facegan_tf.config.schema import Block, all_settings, blocks_in, kind_of
from facegan_tf.config.yaml_settings import YamlSettings

MESSAGES = {
    "missing": "must be given",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "string_type": "must be text",
    "string_unicode": "must be text without surrogates",
    "string_too_short": "must not be empty",
    "string_too_long": "must have at most {max_length} characters",
    "bool_type": "must be true or false",
    "greater_than_equal": "must be at least {ge:g}",
    "greater_than": "must be above {gt:g}",
    "less_than_equal": "must be at most {le:g}",
    "less_than": "must be below {lt:g}",
    "literal_error": "must be {expected}",
    "model_type": "must be a block of settings",
    "model_attributes_type": "must be a block of settings",
    "tuple_type": "must be a list, such as [128, 64]",
    "too_short": "must have at least {min_length} in the list",
    "too_long": "must have at most {max_length} in the list, not {actual_length}",
}
"""Our messages by pydantic's types of error, where pydantic's own do not suit someone who writes a config."""


def explain(error: ValidationError, model: Block, settings: YamlSettings) -> ConfigError:
    """A ConfigError with a problem for each wrong setting.

    model: the class that was validated. settings: what it was validated from.
    """
    problems = [each for each in error.errors() if not _is_consequence(each)]
    return ConfigError([_explained(each, model, settings) for each in problems])


def _is_consequence(found: Mapping[str, Any]) -> bool:
    """Whether a list only counts as too short because of wrong items, which are problems of their own."""
    return found["type"] == "too_short" and len(found["input"]) >= found["ctx"]["min_length"]


def _explained(found: Mapping[str, Any], model: Block, settings: YamlSettings) -> SettingError:
    path, known = _path(found["loc"], model)
    value, shows_value = found["input"], True
    problem = found["msg"].removeprefix("Value error, ")
    place = settings.place(path)
    match found["type"]:
        case "extra_forbidden":
            shows_value, problem = False, f"no such setting; {_hint(path, known, model)}"
        case "missing":
            value, shows_value, problem = None, False, MESSAGES["missing"]
        case "union_tag_not_found" | "union_tag_invalid":
            path = (*path, found["ctx"]["discriminator"].strip("'"))
            shows_value, problem = path[-1] in value, _kind_problem(path[-1], found)
            value = value.get(path[-1])
            place = settings.place(path)
        case "value_error" if isinstance(wrong := found["ctx"]["error"], WrongSetting):
            path, value, problem = (*path, *wrong.name.split(".")), wrong.value, wrong.problem
            place = settings.place(path)
        case "value_error" if isinstance(value, dict):  # the settings of a block don't go together
            value, shows_value = None, False
            place = settings.place(_first_named(problem, path, settings))
        case kind if kind in MESSAGES:
            problem = MESSAGES[kind].format(**found.get("ctx", {})) + _way_out(kind, value)
    return SettingError(dotted(path) or None, value, problem, place, shows_value=shows_value)


def _way_out(kind: str, value: Any) -> str:
    if kind == "string_type" and isinstance(value, (int, float)):
        return "; put it in quotes"
    if kind in ("int_type", "float_type") and isinstance(value, str) and value.replace(".", "").isdecimal():
        return "; remove the quotes"
    return ""


def _kind_problem(key: str | int, found: Mapping[str, Any]) -> str:
    """What is wrong with the setting that chooses a block's kind, such as an optimizer's `name`."""
    kinds = [kind.strip(" '") for kind in found["ctx"].get("expected_tags", "").split(",") if kind]
    if not kinds:
        return MESSAGES["missing"]
    near = difflib.get_close_matches(str(found["input"][key]), kinds, n=1)
    return f"must be one of {', '.join(kinds)}" + (f"; did you mean {near[0]}?" if near else "")


def _first_named(problem: str, path: KeyPath, settings: YamlSettings) -> KeyPath:
    """The first setting named in `problem` that is written; the block at `path` if none is."""
    for word in re.findall(r"[\w.]+", problem):
        named = (*path, *word.split("."))
        if settings.find(named):
            return named
    return path


def _hint(path: KeyPath, known: Sequence[str], model: Block) -> str:
    """What an unknown setting may mean: one of another kind of block, a similar name, or a name elsewhere."""
    key, everywhere = str(path[-1]), list(all_settings(model))
    kinds = [each.kind for each in everywhere if each.path == path and each.kind]
    if kinds:
        return f"only {' and '.join(kinds)} has it; settings here: {', '.join(known)}"
    near = difflib.get_close_matches(key, known, n=1)
    if near:
        return f"did you mean {near[0]}?"
    names = difflib.get_close_matches(key, {str(each.path[-1]) for each in everywhere}, n=1, cutoff=0.8)
    meant = dict.fromkeys(dotted(each.path) for each in everywhere if each.path[-1] in names)
    return f"did you mean {' or '.join(meant)}?" if meant else f"settings here: {', '.join(known)}"


def _path(location: KeyPath, model: Block) -> tuple[KeyPath, list[str]]:
    """pydantic's location as a path in the file, and the settings that exist beside its last part.

    Where a block has several kinds, or a setting several forms, pydantic's location also has the name of the
    kind or form, between the keys.
    """
    path: list[str | int] = []
    blocks, known = [model], list[str]()
    for part in location:
        chosen = [each for each in blocks if (kind := kind_of(each)) and kind[1] == part]
        if chosen:
            blocks = chosen
            continue
        if part in FORMS:  # the form of a number that may be a schedule
            continue
        path.append(part)
        block = blocks[0] if len(blocks) == 1 else None
        known = [field.alias or name for name, field in block.model_fields.items()] if block else []
        blocks = (
            blocks_in(block.model_fields[str(part)].annotation)
            if block and part in block.model_fields
            else []
        )
    return tuple(path), known
