"""Numbers that may change over a run."""

from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    Discriminator,
    Field,
    GetCoreSchemaHandler,
    Tag,
    TypeAdapter,
    ValidationError,
    model_serializer,
)
from pydantic_core import CoreSchema

from facegan_tf.config.base import Settings, WrongSetting

FORMS = ("number", "schedule")
"""The two forms of such a number, as pydantic's locations name them."""


class Schedule(Settings):
    """A number that changes from one value to another, such as `{from: 2.0e-4, to: 5.0e-5, by: cosine}`."""

    from_: float = Field(alias="from")
    """Value at the first step."""
    to: float
    """Value at the end of the change, and from then on."""
    by: Literal["linear", "cosine"] = "cosine"
    """Shape of the change: a straight line, or half a period of a cosine."""
    images: int | None = Field(default=None, ge=1)
    """Length of the change, in reals seen; null: the whole run."""

    @model_serializer
    def _as_written(self) -> dict[str, Any]:
        return {"from": self.from_, "to": self.to, "by": self.by, "images": self.images}


Number = float | Schedule
"""A constant number, or a schedule."""


class scheduled:
    """Marks a Number whose values must lie within bounds: `Annotated[Number, scheduled(gt=0)]`."""

    def __init__(self, **bounds: Any):
        """bounds: `gt`, `ge`, `lt`, `le`, as pydantic's Field takes them."""
        self._number: Any = Annotated[float, Field(**bounds)]
        self._adapter: TypeAdapter[Any] = TypeAdapter(self._number)  # type: ignore[arg-type]

    def __get_pydantic_core_schema__(self, _: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        schedule = Annotated[Schedule, AfterValidator(self._checked), Tag(FORMS[1])]
        form = Discriminator(lambda content: FORMS[isinstance(content, (dict, Schedule))])
        return handler.generate_schema(Annotated[Annotated[self._number, Tag(FORMS[0])] | schedule, form])

    def _checked(self, schedule: Schedule) -> Schedule:
        for name, value in (("from", schedule.from_), ("to", schedule.to)):
            try:
                self._adapter.validate_python(value)
            except ValidationError as error:
                problem = error.errors()[0]["msg"].removeprefix("Input should ")
                raise WrongSetting(name, value, f"must {problem}") from None
        return schedule


def is_schedule(written: dict[str, Any]) -> bool:
    """Whether these settings, as written in a config, are a schedule and not a block of settings."""
    return {"from", "to"} <= set(written)


def settings_over_run(settings: Settings, prefix: str = "") -> list[str]:
    """The full paths of the settings that change over the whole run, whatever its length."""
    found = []
    for name, value in settings:
        if isinstance(value, Schedule):
            found += [prefix + name] if value.images is None else []
        elif isinstance(value, Settings):
            found += settings_over_run(value, f"{prefix}{name}.")
    return found
