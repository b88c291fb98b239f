"""Inspects the classes of settings: which settings exist, of which types, in which kinds of block."""

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from facegan_tf.config.base import CHANGEABLE
from facegan_tf.config.safe_yaml import KeyPath, dotted

Block = type[BaseModel]


class KnownSetting(NamedTuple):
    """A setting that exists."""

    path: KeyPath
    kind: str | None
    """The only kind of block that has it; None if its block has one kind."""
    field: FieldInfo


def blocks_in(annotation: Any) -> list[Block]:
    """The classes of settings that a setting of this type may hold: one for each kind; none for a value."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [block for part in get_args(annotation) for block in blocks_in(part)]


def kind_of(block: Block) -> tuple[str, str] | None:
    """The setting that chooses a block's kind, and its word for this one: ("name", "adam").

    None for a block of which there is only one kind.
    """
    for name, field in block.model_fields.items():
        words = get_args(field.annotation) if get_origin(field.annotation) is Literal else ()
        if len(words) == 1 and field.is_required():
            return name, words[0]
    return None


def all_settings(block: Block, above: KeyPath = (), kind: str | None = None) -> Iterator[KnownSetting]:
    """Every setting of a block and of the blocks in it, of all kinds."""
    chosen = kind_of(block)
    kind = chosen[1] if chosen else kind
    for name, field in block.model_fields.items():
        path = (*above, field.alias or name)
        yield KnownSetting(path, kind, field)
        for inner in blocks_in(field.annotation):
            yield from all_settings(inner, path, kind)


TextType = Literal["text", "text or null", "text or list"]


def text_type(path: KeyPath, block: Block, written: dict[str, Any]) -> TextType | None:
    """Whether the setting at `path` is text, or also null or a list of texts; None if it is anything else.

    written: the settings written so far, which choose the kinds of blocks. Where a kind has not been chosen
    yet, the setting is text if it is text in every kind that has it.
    """
    blocks, types, value = [block], list[Any](), written
    for part in map(str, path):
        types = [each.model_fields[part].annotation for each in blocks if part in each.model_fields]
        inside = value.get(part)
        value = inside if isinstance(inside, dict) else {}
        inner = [each for annotation in types for each in blocks_in(annotation)]
        blocks = [each for each in inner if _is_chosen(each, value)] or inner
    parts = [set(get_args(annotation) or [annotation]) for annotation in types]
    if not parts or any(part - {str, type(None), list[str]} or str not in part for part in parts):
        return None
    if any(list[str] in part for part in parts):
        return "text or list"
    return "text or null" if any(type(None) in part for part in parts) else "text"


def _is_chosen(block: Block, written: dict[str, Any]) -> bool:
    kind = kind_of(block)
    return kind is not None and written.get(kind[0]) == kind[1]


def changeable_on_resume(block: Block) -> frozenset[str]:
    """Full paths of the settings that a resumed run may change, those marked `Changeable`."""
    return frozenset(
        dotted(setting.path) for setting in all_settings(block) if CHANGEABLE in setting.field.metadata
    )
