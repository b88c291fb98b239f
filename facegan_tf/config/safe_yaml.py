"""Safe YAML: reads any text into plain values, each with its line, and writes plain values.

Keys must be words. Refused, each with its line: a key given twice, tags other than those of YAML's plain
types, and whatever would exhaust memory or time, such as blocks nested too deeply and aliases that expand to
too many values or to themselves.
"""

import re
from dataclasses import dataclass
from typing import Any

import yaml
from yaml.composer import ComposerError

from facegan_tf.common.errors import in_short

KeyPath = tuple[str | int, ...]
"""The keys that lead to a setting; an int is an index into a list."""

MAX_DEPTH = 16
"""Most levels of nested blocks and lists that are read. A config has 4."""
MAX_VALUES = 10_000
"""Most values read from a file, counted after aliases are expanded. A config has about 100."""
INTEGER_BITS = 64
"""Size of the largest integer, as in TensorFlow; Python's own integers are unbounded."""

_TAG = "tag:yaml.org,2002:"
_MERGE = _TAG + "merge"
_SCALARS = {
    _TAG + "str": "text",
    _TAG + "int": f"a whole number of {INTEGER_BITS} bits",
    _TAG + "float": "a number",
    _TAG + "bool": "true or false",
    _TAG + "null": "null",
}
_INVISIBLE = re.compile("[\0-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""Characters that belong in neither a name nor a path: line breaks, other controls, lone surrogates."""
_TOO_DEEP = f"blocks and lists are nested more than {MAX_DEPTH} deep"


@dataclass
class Written:
    """A value and the line that it is written on."""

    content: Any
    """A scalar, a list of Written, or a block: a dict of Written by key."""
    line: int
    """Line of the value's key, or of the value itself in a list; the first line is 1."""

    def plain(self) -> Any:
        """The value alone, as `yaml.safe_load` would return it."""
        if isinstance(self.content, dict):
            return {key: each.plain() for key, each in self.content.items()}
        if isinstance(self.content, list):
            return [each.plain() for each in self.content]
        return self.content


def dotted(path: KeyPath) -> str:
    """A path as one word: `training.batch_size`, `networks.generator.channels[0]`."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{in_short(part) or repr(part)}" for part in path)
    return "".join(parts).removeprefix(".")


@dataclass(frozen=True)
class YamlProblem:
    """Something in a text that can't be read."""

    line: int
    problem: str
    """What is wrong, and what to do."""
    path: KeyPath = ()
    """Path of the setting, as far as it is known."""
    value: str | None = None
    """The text of the value; None if the problem is not the value."""


class UnreadableYaml(Exception):
    """A text that can't be read as plain YAML."""

    def __init__(self, *problems: YamlProblem):
        super().__init__(problems)
        self.problems = problems


def parse_yaml(text: str) -> Written:
    """Parse a text into values with their lines. Raises UnreadableYaml."""
    try:
        loader = _Loader(text)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        problem = f"the character U+{error.character:04X} is not allowed in YAML"
        raise UnreadableYaml(YamlProblem(line, problem)) from error
    try:
        node = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark or loader.get_mark()
        raise UnreadableYaml(YamlProblem(mark.line + 1, _syntax_problem(error))) from error
    except (ValueError, OverflowError) as error:  # PyYAML lets some errors through, as for "\UFFFFFFFF"
        problem = "has an escape or a version that is out of range"
        raise UnreadableYaml(YamlProblem(loader.line + 1, problem)) from error
    if node is None:
        return Written(None, 1)
    reader = _ValueReader(loader)
    written = reader.read(node, (), _line(node))
    if reader.problems:
        raise UnreadableYaml(*sorted(reader.problems, key=lambda problem: problem.line))
    return written


def invisible_problem(text: str) -> str | None:
    """What is wrong with a text that has invisible characters; None if it has none."""
    if _INVISIBLE.search(text):
        return "has a line break or another invisible character; remove it"
    return None


def dump_yaml(settings: dict[str, Any]) -> str:
    """Plain settings as YAML, in their order; `parse_yaml` reads the same values back."""
    return yaml.dump(settings, Dumper=_Dumper, sort_keys=False)


class _Loader(yaml.SafeLoader):
    """Parses text into nodes as YAML 1.1, except that dates are text and 1e-4 is a number."""

    # Copied, because a loader shares these lists with its parent.
    yaml_implicit_resolvers = {  # noqa: RUF012
        first: [(tag, form) for tag, form in forms if tag not in (_TAG + "timestamp", _TAG + "value")]
        for first, forms in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        self.depth += 1
        if self.depth > MAX_DEPTH:  # before Python's own recursion limit
            raise ComposerError(None, None, _TOO_DEEP, self.peek_event().start_mark)
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


class _Dumper(yaml.SafeDumper):
    """Quotes text that _Loader would read as something else."""


for each in (_Loader, _Dumper):
    each.add_implicit_resolver(
        _TAG + "float", re.compile(r"[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+$"), list("-+0123456789")
    )


def _syntax_problem(error: yaml.MarkedYAMLError) -> str:
    """PyYAML's own words, on one line."""
    if error.problem == _TOO_DEEP:
        return _TOO_DEEP
    problem = str(error.problem or error.context)
    if problem.startswith("but "):  # PyYAML puts the first half of the sentence into the context
        problem = f"{error.context} {problem}"
    way_out = "; indent with spaces, not with tabs" if "'\\t'" in problem else ""
    return f"is not valid YAML: {in_short(' '.join(problem.split()), 120)}{way_out}"


class _ValueReader:
    """Turns nodes into values, and collects problems that need not stop it."""

    def __init__(self, loader: _Loader):
        self.problems: list[YamlProblem] = []
        self._loader = loader
        self._count = 0
        self._open: list[yaml.Node] = []

    def read(self, node: yaml.Node, path: KeyPath, line: int) -> Written:
        """The value of the node at `path`; `line` is its key's, or its own in a list."""
        self._count += 1
        if self._count > MAX_VALUES:
            problem = (
                f"more than {MAX_VALUES:,} values, counting what aliases expand to: too many for a config"
            )
            raise UnreadableYaml(YamlProblem(line, problem, path))
        if node in self._open:
            raise UnreadableYaml(YamlProblem(line, "an alias refers to the block that contains it", path))
        if len(self._open) >= MAX_DEPTH:
            raise UnreadableYaml(YamlProblem(line, _TOO_DEEP, path))
        self._open.append(node)
        content: Any = None
        if isinstance(node, yaml.MappingNode) and node.tag == _TAG + "map":
            content = self._block(node, path)
        elif isinstance(node, yaml.SequenceNode) and node.tag == _TAG + "seq":
            content = [self.read(item, (*path, i), _line(item)) for i, item in enumerate(node.value)]
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
                lines = f", on lines {given[key]} and {line}" if line != given[key] else ""
                self._refuse((*path, key), line, f"is given twice{lines}; keep one")
                continue
            given[key] = line
            if key_node.tag == _MERGE:
                merged = self._merged(value_node, path, line)
            elif key_node.tag not in _SCALARS:
                self._refuse_tag(key_node, (*path, key), line)
            else:
                block[key] = self.read(value_node, (*path, key), line)
        return merged | block

    def _merged(self, node: yaml.Node, path: KeyPath, line: int) -> dict[str, Written]:
        """The settings that `<<` merges into the block at `path`; among several blocks, the first wins."""
        merged: dict[str, Written] = {}
        for each in reversed(node.value) if isinstance(node, yaml.SequenceNode) else [node]:
            content = self.read(each, path, line).content
            if isinstance(content, dict):
                merged |= content
            else:
                self._refuse(path, line, "<< must be a block, or a list of blocks")
        return merged

    def _scalar(self, node: yaml.ScalarNode, path: KeyPath, line: int) -> Any:
        try:
            value = self._loader.yaml_constructors[node.tag](self._loader, node)
            readable = not isinstance(value, int) or value.bit_length() < INTEGER_BITS
        except (ValueError, LookupError):  # `!!int many`, or a number of 5,000 digits
            readable = False
        if not readable:
            self._refuse(path, line, f"can't be read as {_SCALARS[node.tag]}", node.value)
            return None
        if isinstance(value, str) and (problem := invisible_problem(value)):
            self._refuse(path, line, problem, value)
        return value

    def _refuse_tag(self, node: yaml.Node, path: KeyPath, line: int) -> None:
        tag = in_short(node.tag.replace(_TAG, "!!"))
        self._refuse(path, line, f"the tag {tag} is not supported; remove it")

    def _refuse(self, path: KeyPath, line: int, problem: str, value: str | None = None) -> None:
        self.problems.append(YamlProblem(line, problem, path, value))


def _line(node: yaml.Node) -> int:
    return node.start_mark.line + 1
