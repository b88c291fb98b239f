"""The places where a config's settings are written, for errors that are found after it was read."""

import contextlib
import re
from collections.abc import Iterator
from typing import Protocol

from facegan_tf.common.errors import InputError
from facegan_tf.config.yaml_settings import YamlSettings


class Places:
    """Where settings are written. All instances are equal, so that configs with equal settings are equal."""

    def __init__(self, settings: YamlSettings | None = None):
        self._settings = settings

    def of(self, name: str) -> str | None:
        """Where the setting with this full path is written; None if it is not written."""
        keys = re.findall(r"\[(\d+)\]|([^.\[\]]+)", name)
        path = tuple(int(index) if index else key for index, key in keys)
        if self._settings is None or not path or self._settings.find(path) is None:
            return None
        return self._settings.place(path)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Places)

    def __hash__(self) -> int:
        return 0


class _HasPlaces(Protocol):
    def place_of(self, name: str) -> str | None: ...


@contextlib.contextmanager
def naming_places(config: _HasPlaces) -> Iterator[None]:
    """In the block, an InputError about one of the config's settings also says where that is written."""
    try:
        yield
    except InputError as error:
        if error.place is None and error.name:
            error.place = config.place_of(error.name)
        raise
