"""The floor plan: which package may import which. CONTRIBUTING.md says what each is for."""

import ast
from graphlib import TopologicalSorter

import pytest

from tests.helpers.paths import ROOT

PACKAGE = ROOT / "facegan_tf"
LAYERS = (
    {"common"},
    {"config"},
    {"data"},
    {"model"},
    {"run"},
    {"serving"},
    {"evaluation"},
    {"training", "report"},
    {"commands"},
    {"cli"},
)
"""From the ground up: a module imports from its own package and from lower layers, from no other."""
LEVEL = {package: level for level, packages in enumerate(LAYERS) for package in packages}
ENTRANCES = {"__init__", "__main__"}
"""They only pass on to what is below."""


def modules():
    """Each module's dotted name below the package, and its syntax tree."""
    for path in sorted(PACKAGE.rglob("*.py")):
        name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
        yield name, ast.parse(path.read_text(encoding="utf-8"))


def imported(tree):
    """The modules of the package that a tree imports, wherever in it the import stands."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute here"
            names |= {node.module} | {f"{node.module}.{each.name}" for each in node.names}
    return {name.removeprefix("facegan_tf.") for name in names if name.startswith("facegan_tf.")}


GRAPH = {name: imported(tree) for name, tree in modules()}


def test_cli_is_the_only_module_at_the_root():
    assert {name for name in GRAPH if "." not in name} == {"cli"} | ENTRANCES


def test_every_package_has_a_layer():
    assert {name.partition(".")[0] for name in GRAPH} - ENTRANCES == set(LEVEL)


@pytest.mark.parametrize("name", sorted(set(GRAPH) - ENTRANCES))
def test_imports_go_down(name):
    package = name.partition(".")[0]
    for other in {each.partition(".")[0] for each in GRAPH[name]}:
        assert other == package or LEVEL[other] < LEVEL[package], f"{name} imports {other}"


def test_a_command_imports_no_other_command():
    commands = {name for name in GRAPH if name.startswith("commands.")} - {"commands.arguments"}
    for name in commands | {"commands.arguments"}:
        assert not GRAPH[name] & commands, name


def test_modules_import_each_other_in_no_circle():
    known = set(GRAPH)
    graph = {name: {each for each in targets if each in known} for name, targets in GRAPH.items()}
    assert len(list(TopologicalSorter(graph).static_order())) == len(graph)
