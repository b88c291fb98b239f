"""Settings of a YAML file and of `--set`, which know where they are written, for the errors to say it."""

import stat
from pathlib import Path
from typing import Any

from facegan_tf.common.errors import InputError, as_lines, as_yaml, in_short
from facegan_tf.config.safe_yaml import KeyPath, NotPlainYaml, Written, parse_yaml

MAX_BYTES = 64 * 1024
"""Of a file. The configs that come along have about 2,000; PyYAML takes a second for so many."""


class YamlSettings:
    """The settings of a file, with what overrides made of them."""

    def __init__(self, path: Path, root: Written):
        self.path = path
        self.root = root
        self._overridden: set[KeyPath] = set()

    def plain(self) -> dict[str, Any]:
        """The settings alone."""
        return self.root.plain()

    def find(self, path: KeyPath) -> Written | None:
        """The setting of a full path; None if none is written."""
        written: Written | None = self.root
        for part in path:
            inside = written.content if written else None
            if isinstance(inside, list):
                inside = dict(enumerate(inside))
            written = inside.get(part) if isinstance(inside, dict) else None
        return written

    def place(self, path: KeyPath) -> str:
        """Where a setting is written, `FILE: line 12` or `--set`; of a missing one, where its block is."""
        while (written := self.find(path)) is None:
            path = path[:-1]
        if any(path[:length] in self._overridden for length in range(1, len(path) + 1)):
            return "--set"
        return f"{self.path}: line {written.line}"

    def override(self, override: str) -> tuple[KeyPath, Any]:
        """Apply `key.path=value`, whose value is YAML; return both. InputError if it can't be applied."""
        key, equals, text = override.partition("=")
        *parents, last = path = tuple(key.split("."))
        name = f"--set {in_short(override)}"
        if not equals or not all(path):
            raise InputError(f"{name}: must be key.path=value, such as training.steps=500")
        try:
            written = parse_yaml(text)
        except NotPlainYaml as error:
            raise InputError(f"{name}: {error.problems[0][1]}") from error
        block = self.root.content
        for depth, parent in enumerate(parents, start=1):
            if parent not in block or block[parent].content is None:
                block[parent] = Written({}, 1)
                self._overridden.add(path[:depth])
            block = block[parent].content
            if not isinstance(block, dict):
                raise InputError(f"{name}: {in_short(parent)} holds a value, not further settings")
        block[last] = written
        self._overridden.add(path)
        return path, written.plain()

    def remove(self, path: KeyPath) -> None:
        """Take a setting out of its block, if it is there."""
        block = self.find(path[:-1])
        if block is not None and isinstance(block.content, dict):
            block.content.pop(path[-1], None)


def read_yaml(path: Path) -> YamlSettings:
    """The settings in a file; InputError, with a line for each problem, if they can't be read."""
    try:
        root = parse_yaml(_text(path))
    except NotPlainYaml as error:
        lines = as_lines(error.problems, lambda problem: f"{path}: line {problem[0]}: {problem[1]}")
        raise InputError(lines) from error
    if root.content is None:
        raise InputError(f"{path}: is empty; a config is a mapping of settings, as those in configs/ are")
    if not isinstance(root.content, dict):
        raise InputError(
            f"{path}: line {root.line}: a config is a mapping of settings, this is {as_yaml(root.plain())}"
        )
    return YamlSettings(path, root)


def _text(path: Path) -> str:
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a device may have no end, a pipe no beginning
            raise InputError(f"{path}: is no file that can be read whole; save the config as one")
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such config; the ones that come along are in configs/") from error
    except (OSError, ValueError) as error:  # ValueError: a path that no file can have
        raise InputError(f"{path}: can't be read: {getattr(error, 'strerror', None) or error}") from error
    if len(content) > MAX_BYTES:
        raise InputError(f"{path}: is larger than {MAX_BYTES:,} bytes, so it is no config")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        byte = content[error.start]
        raise InputError(
            f"{path}: line {line}: is not text in UTF-8 (byte 0x{byte:02x}); save it as that"
        ) from error
