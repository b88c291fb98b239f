"""The base class of every block of settings, and marks for single settings."""

from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict

T = TypeVar("T")


class Settings(BaseModel):
    """A block of settings: refuses unknown keys and values of the wrong type, and can't be changed."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class _ChangeableOnResume:
    """Marks a field; `schema.changeable_on_resume` lists the marked ones."""


CHANGEABLE = _ChangeableOnResume()

Changeable = Annotated[T, CHANGEABLE]
"""A setting that may differ when a run is resumed, because it does not alter what a step computes."""


class WrongSetting(ValueError):
    """Raised by a validator of a block for one setting inside that block.

    name: path of the setting from the block, such as `best_by` or `data.size`. problem: what is wrong, and
    what to do; it names other settings by their paths from the block.
    """

    def __init__(self, name: str, value: Any, problem: str) -> None:
        super().__init__(f"{name}: {value}: {problem}")
        self.name, self.value, self.problem = name, value, problem
