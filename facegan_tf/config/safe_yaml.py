"""YAML, read so that no text does harm: into plain values, each with its line; and written.

Plain YAML, with keys that are words. Refused, each with its line: a key given twice, tags of other types
than YAML's plain ones, and what would take the memory or the time of the machine: blocks that are nested
too deeply, aliases that unfold to too many values or to themselves.
"""

import re
from dataclasses import dataclass
from typing import Any

import yaml
from yaml.composer import ComposerError

from facegan_tf.common.errors import as_yaml, in_short

KeyPath = tuple[str | int, ...]
"""The keys that lead to a setting; an int is a place in a list."""

MAX_DEPTH = 16
"""Of blocks and lists in each other. A config has 4."""
MAX_VALUES = 10_000
"""Of a file, with each alias counted as what it stands for. A config has about 100."""
INTEGER_BITS = 64
"""What TensorFlow counts with; Python's own integers have no end."""

_TAG = "tag:yaml.org,2002:"
_MERGE = _TAG + "merge"
_SCALARS = {
    _TAG + "str": "text",
    _TAG + "int": f"a whole number of {INTEGER_BITS} bits",
    _TAG + "float": "a number",
    _TAG + "bool": "true or false",
    _TAG + "null": "null",
}
_UNSEEN = re.compile("[\0-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""What neither a name nor a path should have: ends of lines, other controls, halves of characters."""
_TOO_DEEP = f"blocks and lists are nested more than {MAX_DEPTH} deep"


@dataclass
class Written:
    """A value as YAML has it."""

    content: Any
    """A scalar, a list of Written, or a block: a dict of Written by their keys."""
    line: int
    """Where it, or its key, is written, from 1."""

    def plain(self) -> Any:
        """The value alone, as `yaml.safe_load` would give it."""
        if isinstance(self.content, dict):
            return {key: each.plain() for key, each in self.content.items()}
        if isinstance(self.content, list):
            return [each.plain() for each in self.content]
        return self.content


def dotted(path: KeyPath) -> str:
    """A path as one line: `training.batch_size`, `networks.generator.channels[0]`."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{in_short(part) or repr(part)}" for part in path)
    return "".join(parts).removeprefix(".")


class NotPlainYaml(Exception):
    """What can't be taken: (line, what is wrong and the way out) of each problem."""

    def __init__(self, *problems: tuple[int, str]):
        super().__init__(problems)
        self.problems = problems


def parse_yaml(text: str) -> Written:
    """The value of a text, with lines; raises NotPlainYaml."""
    try:
        loader = _Loader(text)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise NotPlainYaml((line, f"the character U+{error.character:04X} is not allowed in YAML")) from error
    try:
        node = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark or loader.get_mark()
        raise NotPlainYaml((mark.line + 1, _said(error))) from error
    except (ValueError, OverflowError) as error:  # PyYAML lets some of Python's through: of "\UFFFFFFFF"
        raise NotPlainYaml((loader.line + 1, "has an escape or a version that is out of range")) from error
    if node is None:
        return Written(None, 1)
    values = _Values(loader)
    written = values.of(node, (), _line(node))
    if values.problems:
        raise NotPlainYaml(*sorted(values.problems))
    return written


def dump_yaml(settings: dict[str, Any]) -> str:
    """Plain settings as YAML that `parse_yaml` reads as the same, in their order."""
    return yaml.dump(settings, Dumper=_Dumper, sort_keys=False)


class _Loader(yaml.SafeLoader):
    """Makes nodes of text: as in YAML 1.1, but dates are words, and 1e-4 is a number."""

    # Copied, for a loader shares these lists with its parent.
    yaml_implicit_resolvers = {  # noqa: RUF012
        first: [(tag, form) for tag, form in forms if tag not in (_TAG + "timestamp", _TAG + "value")]
        for first, forms in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        self.depth += 1
        if self.depth > MAX_DEPTH:  # before Python's own recursion ends
            raise ComposerError(None, None, _TOO_DEEP, self.peek_event().start_mark)
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


class _Dumper(yaml.SafeDumper):
    """Puts in quotes what _Loader would not read as text."""


for each in (_Loader, _Dumper):
    each.add_implicit_resolver(
        _TAG + "float", re.compile(r"[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+$"), list("-+0123456789")
    )


def _said(error: yaml.MarkedYAMLError) -> str:
    """PyYAML's own words, in one line."""
    if error.problem == _TOO_DEEP:
        return _TOO_DEEP
    what = str(error.problem or error.context)
    if what.startswith("but "):  # the other half of a sentence
        what = f"{error.context} {what}"
    way_out = "; indent with spaces, not with tabs" if "'\\t'" in what else ""
    return f"is no YAML: {in_short(' '.join(what.split()), 120)}{way_out}"


class _Values:
    """Makes values of nodes; `problems` tells what can't be taken, as NotPlainYaml does."""

    def __init__(self, loader: _Loader):
        self.problems: list[tuple[int, str]] = []
        self._loader = loader
        self._count = 0
        self._open: list[yaml.Node] = []

    def of(self, node: yaml.Node, path: KeyPath, line: int) -> Written:
        """The value of a node at a path; `line` is its key's, or its own in a list."""
        self._count += 1
        if self._count > MAX_VALUES:
            what = f"here are {MAX_VALUES:,} values already, aliases unfolded, too many for settings"
            raise NotPlainYaml((line, _at(path, what)))
        if node in self._open:
            raise NotPlainYaml((line, _at(path, "an alias stands for the block that it is in")))
        if len(self._open) >= MAX_DEPTH:
            raise NotPlainYaml((line, _at(path, _TOO_DEEP)))
        self._open.append(node)
        content: Any = None
        if isinstance(node, yaml.MappingNode) and node.tag == _TAG + "map":
            content = self._block(node, path)
        elif isinstance(node, yaml.SequenceNode) and node.tag == _TAG + "seq":
            content = [self.of(item, (*path, i), _line(item)) for i, item in enumerate(node.value)]
        elif isinstance(node, yaml.ScalarNode) and node.tag in _SCALARS:
            content = self._scalar(node, path, line)
        else:
            self._refuse_tag(node, path, line)
        self._open.pop()
        return Written(content, line)

    def _block(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Written]:
        merged: dict[str, Written] = {}
        block: dict[str, Written] = {}
        given: dict[str, int] = {}
        for key_node, value_node in node.value:
            line = _line(key_node)
            if not isinstance(key_node, yaml.ScalarNode):
                self._refuse(path, line, "a key must be a word, not a block or a list")
                continue
            key = key_node.value
            if key in given:
                lines = f", in lines {given[key]} and {line}" if line != given[key] else ""
                self._refuse((*path, key), line, f"is given twice{lines}; keep one")
                continue
            given[key] = line
            if key_node.tag == _MERGE:
                merged = self._merged(value_node, path, line)
            elif key_node.tag not in _SCALARS:
                self._refuse_tag(key_node, (*path, key), line)
            else:
                block[key] = self.of(value_node, (*path, key), line)
        return merged | block

    def _merged(self, node: yaml.Node, path: KeyPath, line: int) -> dict[str, Written]:
        """What `<<` brings into the block at `path`: a block, or several, of which the first wins."""
        merged: dict[str, Written] = {}
        for each in reversed(node.value) if isinstance(node, yaml.SequenceNode) else [node]:
            content = self.of(each, path, line).content
            if isinstance(content, dict):
                merged |= content
            else:
                self._refuse(path, line, "<< must be given a block, or a list of blocks")
        return merged

    def _scalar(self, node: yaml.ScalarNode, path: KeyPath, line: int) -> Any:
        try:
            value = self._loader.yaml_constructors[node.tag](self._loader, node)
            readable = not isinstance(value, int) or value.bit_length() < INTEGER_BITS
        except (ValueError, LookupError):  # of `!!int many`, of 5,000 digits
            readable = False
        if not readable:
            self._refuse(path, line, f"{as_yaml(node.value)}: can't be read as {_SCALARS[node.tag]}")
            return None
        if isinstance(value, str) and _UNSEEN.search(value):
            self._refuse(
                path,
                line,
                f"{as_yaml(value)}: has a line break or another character that can't be seen; take it out",
            )
        return value

    def _refuse_tag(self, node: yaml.Node, path: KeyPath, line: int) -> None:
        tag = in_short(node.tag.replace(_TAG, "!!"))
        self._refuse(path, line, f"the tag {tag} is not taken here; leave it out")

    def _refuse(self, path: KeyPath, line: int, what: str) -> None:
        self.problems.append((line, _at(path, what)))


def _at(path: KeyPath, what: str) -> str:
    return f"{dotted(path)}: {what}" if path else what


def _line(node: yaml.Node) -> int:
    return node.start_mark.line + 1
