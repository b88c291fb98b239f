"""What is wrong with a config, in words: a line for each wrong setting, with its place, path and value."""

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from facegan_tf.common.errors import as_lines, as_yaml
from facegan_tf.config.safe_yaml import KeyPath, dotted
from facegan_tf.config.yaml_settings import YamlSettings

WORDS = {
    "missing": "must be given",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "string_type": "must be text",
    "string_unicode": "must be text of whole characters",
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
"""By pydantic's name of a problem, where its own words are not those of someone who writes a config."""


def explain(error: ValidationError, model: type[BaseModel], settings: YamlSettings) -> str:
    """A line for each wrong setting: where it is, its full path, its value, what is wrong, the way out.

    model: of the whole that was validated. settings: what it was validated from.
    """
    problems = [problem for problem in error.errors() if not _is_repeated(problem)]
    return as_lines(problems, lambda problem: _explained(problem, model, settings))


def _is_repeated(problem: Mapping[str, Any]) -> bool:
    """Whether a list is called too short only because what is in it is wrong, which is told apart."""
    return problem["type"] == "too_short" and len(problem["input"]) >= problem["ctx"]["min_length"]


def _explained(problem: Mapping[str, Any], model: type[BaseModel], settings: YamlSettings) -> str:
    path, known = _path(problem["loc"], model)
    message = problem["msg"].removeprefix("Value error, ")
    value = f"{as_yaml(problem['input'])}: "
    match problem["type"]:
        case "extra_forbidden":
            value, message = "", f"no such setting; {_hint(path, known, model)}"
        case "missing":
            value, message = "", WORDS["missing"]
        case "union_tag_not_found" | "union_tag_invalid":
            path, value, message = _choice(path, problem)
        case "value_error" if isinstance(problem["input"], dict):  # of settings that don't go together
            first = _first_named(message, path, settings)
            return f"{settings.place(first)}: {dotted(path)}{': ' if path else ''}{message}"
        case kind if kind in WORDS:
            message = WORDS[kind].format(**problem.get("ctx", {})) + _way_out(kind, problem["input"])
    return f"{settings.place(path)}: {dotted(path)}: {value}{message}"


def _way_out(kind: str, value: Any) -> str:
    if kind == "string_type" and isinstance(value, (int, float)):
        return "; put it in quotes"
    if kind in ("int_type", "float_type") and isinstance(value, str) and value.replace(".", "").isdecimal():
        return "; leave the quotes out"
    return ""


def _choice(path: KeyPath, problem: Mapping[str, Any]) -> tuple[KeyPath, str, str]:
    """Path, value and message of a block whose kind, such as an optimizer's `name`, is none or unknown."""
    key = problem["ctx"]["discriminator"].strip("'")
    kinds = [kind.strip(" '") for kind in problem["ctx"].get("expected_tags", "").split(",") if kind]
    if not kinds:
        return (*path, key), "", WORDS["missing"]
    tag = problem["input"][key]
    near = difflib.get_close_matches(str(tag), kinds, n=1)
    message = f"must be one of {', '.join(kinds)}" + (f"; did you mean {near[0]}?" if near else "")
    return (*path, key), f"{as_yaml(tag)}: ", message


def _first_named(message: str, path: KeyPath, settings: YamlSettings) -> KeyPath:
    """The first setting that a message names and that is written; the block at `path` if there is none."""
    for word in re.findall(r"[\w.]+", message):
        named = (*path, *word.split("."))
        if settings.find(named):
            return named
    return path


def _hint(path: KeyPath, known: Sequence[str], model: type[BaseModel]) -> str:
    """What an unknown setting may be meant for: another kind of block, a near name, the like elsewhere."""
    key, everywhere = str(path[-1]), list(_known(model))
    kinds = [kind for each, kind in everywhere if each == path and kind]
    if kinds:
        return f"only {' and '.join(kinds)} has it; known here: {', '.join(known)}"
    near = difflib.get_close_matches(key, known, n=1)
    if near:
        return f"did you mean {near[0]}?"
    names = difflib.get_close_matches(key, {str(each[-1]) for each, _ in everywhere}, n=1, cutoff=0.8)
    meant = dict.fromkeys(dotted(each) for each, _ in everywhere if each[-1] in names)
    return f"did you mean {' or '.join(meant)}?" if meant else f"known here: {', '.join(known)}"


def _known(model: Any, above: KeyPath = (), kind: str | None = None) -> Iterator[tuple[KeyPath, str | None]]:
    """Every setting there is: its full path, and the kind that only has it, of its block or one above."""
    for block in [each for each in get_args(model) if _kind(each)] or [model]:
        for name, field in getattr(block, "model_fields", {}).items():
            yield (*above, name), _kind(block) or kind
            yield from _known(field.annotation, (*above, name), _kind(block) or kind)


def _path(location: KeyPath, model: type[BaseModel]) -> tuple[KeyPath, list[str]]:
    """The path of an error's location as the file has it, and the keys known beside its last part.

    Where a block has several kinds, pydantic's location has the kind's name between the keys.
    """
    path: list[str | int] = []
    block: Any = model
    known: list[str] = []
    for part in location:
        kinds = {_kind(each): each for each in get_args(block) if _kind(each)}
        if part in kinds:
            block = kinds[part]
            continue
        path.append(part)
        known = list(getattr(block, "model_fields", {}))
        block = block.model_fields[part].annotation if part in known else None
    return tuple(path), known


def _kind(model: Any) -> str | None:
    """The word by which a block's kind is chosen, if `model` is one of several kinds."""
    fields = getattr(model, "model_fields", {})
    choice = fields.get("family") or fields.get("name")
    return get_args(choice.annotation)[0] if choice and get_args(choice.annotation) else None
