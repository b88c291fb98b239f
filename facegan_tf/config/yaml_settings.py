"""Settings as written in a YAML file or by `--set`, with the place of each for error messages."""

import stat
from pathlib import Path
from typing import Any

from facegan_tf.common.errors import InputError
from facegan_tf.config.errors import ConfigError, SettingError
from facegan_tf.config.safe_yaml import KeyPath, UnreadableYaml, Written, YamlProblem, dotted, parse_yaml

MAX_BYTES = 64 * 1024
"""Largest config that is read. Those in configs/ have about 2,000 bytes; 64 KiB take PyYAML a second."""


class YamlSettings:
    """The settings of a file, and those that replaced them."""

    def __init__(self, path: Path, root: Written):
        self.path = path
        self.root = root
        self._overridden: set[KeyPath] = set()

    def plain(self) -> dict[str, Any]:
        """The settings alone."""
        return self.root.plain()

    def find(self, path: KeyPath) -> Written | None:
        """The setting with this full path; None if it is not written."""
        written: Written | None = self.root
        for part in path:
            inside = written.content if written else None
            if isinstance(inside, list):
                inside = dict(enumerate(inside))
            written = inside.get(part) if isinstance(inside, dict) else None
        return written

    def place(self, path: KeyPath) -> str:
        """Where a setting, or the block that it is missing from, is written: `FILE: line 12` or `--set`."""
        while (written := self.find(path)) is None:
            path = path[:-1]
        if any(path[:length] in self._overridden for length in range(1, len(path) + 1)):
            return "--set"
        return f"{self.path}: line {written.line}"

    def override(self, path: KeyPath, value: Written) -> None:
        """Set a setting, creating the blocks that it is in. Raises InputError if one of those is a value."""
        *parents, last = path
        block = self.root.content
        for depth, parent in enumerate(parents, start=1):
            if parent not in block or block[parent].content is None:
                block[parent] = Written({}, 1)
                self._overridden.add(path[:depth])
            block = block[parent].content
            if not isinstance(block, dict):
                raise InputError(None, None, f"{dotted(path[:depth])} is a value, not a block of settings")
        block[last] = value
        self._overridden.add(path)

    def remove(self, path: KeyPath) -> None:
        """Remove a setting, if it is written."""
        block = self.find(path[:-1])
        if block is not None and isinstance(block.content, dict):
            block.content.pop(path[-1], None)


def read_yaml(path: Path) -> YamlSettings:
    """Read the settings in a file. Raises ConfigError if it can't be read."""
    try:
        root = parse_yaml(_text(path))
    except UnreadableYaml as error:
        raise ConfigError([_located(problem, path) for problem in error.problems]) from error
    if root.content is None:
        raise ConfigError([InputError(None, path, "is empty; a config is a mapping, like those in configs/")])
    if not isinstance(root.content, dict):
        place, problem = f"{path}: line {root.line}", "is not a config, which is a mapping of settings"
        raise ConfigError([SettingError(None, root.plain(), problem, place)])
    return YamlSettings(path, root)


def _located(problem: YamlProblem, path: Path) -> SettingError:
    return SettingError(
        dotted(problem.path) or None,
        problem.value,
        problem.problem,
        f"{path}: line {problem.line}",
        shows_value=problem.value is not None,
    )


def _text(path: Path) -> str:
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a device may never end, and a pipe may never begin
            raise ConfigError([InputError(None, path, "is not a regular file; save the config as one")])
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        problem = "does not exist; the configs of this package are in configs/"
        raise ConfigError([InputError(None, path, problem)]) from error
    except (OSError, ValueError) as error:  # ValueError: a path that no file can have
        problem = f"can't be read: {getattr(error, 'strerror', None) or error}"
        raise ConfigError([InputError(None, path, problem)]) from error
    if len(content) > MAX_BYTES:
        raise ConfigError(
            [InputError(None, path, f"is larger than {MAX_BYTES:,} bytes, so it is not a config")]
        )
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        problem = f"is not text in UTF-8 (byte 0x{content[error.start]:02x}); save it in that encoding"
        raise ConfigError(
            [SettingError(None, None, problem, f"{path}: line {line}", shows_value=False)]
        ) from error
