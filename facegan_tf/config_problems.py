"""What is wrong with a config, in words: a line for each wrong setting, with its path and its value."""

import difflib
from collections.abc import Mapping, Sequence
from typing import Any, get_args

from pydantic import BaseModel


def explain(problem: Mapping[str, Any], settings: type[BaseModel]) -> str:
    """One line for one of pydantic's errors: path, value, what is wrong, nearest known key.

    settings: the whole that was validated.
    """
    path, known = _place(problem["loc"], settings)
    message = problem["msg"].removeprefix("Value error, ")
    match problem["type"]:
        case "extra_forbidden":
            near = difflib.get_close_matches(path.rpartition(".")[2], known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known here: {', '.join(known)}"
            return f"{path}: no such setting; {hint}"
        case "missing":
            return f"{path}: must be given"
        case "union_tag_not_found" | "union_tag_invalid":
            return _explain_choice(path, problem)
        case "model_type" | "model_attributes_type":
            message = "must be a block of settings"
        case "tuple_type":
            message = "must be a list, such as [128, 64]"
    if isinstance(problem["input"], dict):  # a block as a whole: its own message names the settings
        return f"{path}: {message}" if path else message
    return f"{path}: {problem['input']!r}: {message}"


def _explain_choice(path: str, problem: Mapping[str, Any]) -> str:
    """The line for a block whose kind, such as an optimizer's `name`, is missing or unknown."""
    key = problem["ctx"]["discriminator"].strip("'")
    kinds = [kind.strip(" '") for kind in problem["ctx"].get("expected_tags", "").split(",") if kind]
    if not kinds:
        return f"{path}.{key}: must be given"
    tag = problem["input"][key]
    near = difflib.get_close_matches(str(tag), kinds, n=1)
    return f"{path}.{key}: {tag!r}: must be one of {', '.join(kinds)}" + (
        f"; did you mean {near[0]}?" if near else ""
    )


def _place(location: Sequence[Any], settings: type[BaseModel]) -> tuple[str, list[str]]:
    """The path of an error's location as the file has it, and the keys known beside its last part.

    Where a block has several kinds, pydantic's location has the kind's name between the keys.
    """
    path: list[str] = []
    model: Any = settings
    known: list[str] = []
    for part in location:
        kinds = {_kind(each): each for each in get_args(model) if _kind(each)}
        if part in kinds:
            model = kinds[part]
            continue
        path.append(str(part))
        known = list(getattr(model, "model_fields", {}))
        model = model.model_fields[part].annotation if part in known else None
    return ".".join(path), known


def _kind(model: Any) -> str | None:
    """The word by which a block's kind is chosen, if `model` is one of several kinds."""
    fields = getattr(model, "model_fields", {})
    choice = fields.get("family") or fields.get("name")
    return get_args(choice.annotation)[0] if choice and get_args(choice.annotation) else None
