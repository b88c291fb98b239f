"""The error for a config that can't be used: a list of problems, each with its setting and its place."""

from collections.abc import Mapping, Sequence
from typing import Any

from facegan_tf.common.errors import InputError, as_lines, as_yaml


class SettingError(InputError):
    """One problem with a config; its value is shown as YAML, so that text and numbers differ."""

    def __init__(self, name: str | None, value: Any, problem: str, place: str, *, shows_value: bool = True):
        super().__init__(name, value, problem)
        self.args = (name, value, problem, place)
        self.place = place
        self.shows_value = shows_value
        """False if there is no value, or if it says nothing; a value of None is shown as null."""

    def shown_value(self) -> str:
        """The value as YAML, shortened; empty if it is not shown."""
        return as_yaml(self.value) if self.shows_value else ""


class ConfigError(InputError):
    """A config that can't be used; `problems` has an error for each thing that is wrong with it."""

    def __init__(self, problems: Sequence[InputError]):
        super().__init__(None, None, "the config has problems")
        self.args = (problems,)
        self.problems = list(problems)

    def described(self, flags: Mapping[str, str] | None = None) -> str:
        """One line for each problem, with `flags` in place of the parameters that they set."""
        return as_lines(self.problems, lambda problem: problem.described(flags))
