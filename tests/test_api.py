"""The public API: the names in facegan_tf, and the examples in their documentation."""

import ast
import doctest
import functools
import importlib
import inspect
import subprocess
import sys

import pytest

import facegan_tf
from tests.helpers import paths


def names_for_type_checkers() -> dict[str, str]:
    tree = ast.parse(inspect.getsource(facegan_tf))
    [block] = [node for node in tree.body if isinstance(node, ast.If)]
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    assert len(imports) == len(block.body)
    return {
        alias.asname: node.module for node in imports for alias in node.names if alias.asname == alias.name
    }


def test_type_checkers_see_the_names_that_exist():
    assert names_for_type_checkers() == facegan_tf._MODULES
    assert facegan_tf.__all__ == sorted(facegan_tf._MODULES)


@pytest.mark.parametrize("name", facegan_tf.__all__)
def test_a_public_name_is_what_its_module_defines(name):
    public = getattr(facegan_tf, name)
    assert public is getattr(importlib.import_module(facegan_tf._MODULES[name]), name)
    assert public.__module__ == facegan_tf._MODULES[name]
    assert inspect.getdoc(public)
    assert name in dir(facegan_tf)
    assert name in facegan_tf.__doc__


def test_other_names_do_not_exist():
    with pytest.raises(AttributeError, match="no_such_name"):
        facegan_tf.no_such_name  # noqa: B018


def test_importing_the_package_loads_no_library():
    code = "import sys, facegan_tf; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"tensorflow", "keras", "numpy", "pydantic", "yaml", "PIL"} & set(loaded)


@pytest.mark.parametrize("module", ["common.due", "common.images", "config.load"])
def test_the_examples_in_docstrings_are_right(module, monkeypatch):
    monkeypatch.chdir(paths.ROOT)
    results = doctest.testmod(importlib.import_module(f"facegan_tf.{module}"))
    assert results.attempted and not results.failed


@pytest.mark.parametrize("name", ["training.train:train", "model.gan:GAN.train_on_batch"])
def test_the_examples_that_train_are_right(name, tmp_path, monkeypatch):
    (tmp_path / "configs").symlink_to(paths.CONFIGS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))  # where prepared images are kept
    module, _, path = name.partition(":")
    function = functools.reduce(getattr, path.split("."), importlib.import_module(f"facegan_tf.{module}"))
    [example] = doctest.DocTestFinder().find(function, globs={})
    results = doctest.DocTestRunner().run(example)
    assert results.attempted and not results.failed
