"""Keras' other backends are refused with an explanation."""

import os
import subprocess
import sys

import pytest

from tests.helpers.paths import ROOT


def run(backend, *arguments):
    environment = {key: value for key, value in os.environ.items() if key != "KERAS_BACKEND"}
    environment |= {"PYTHONPATH": str(ROOT)} | ({"KERAS_BACKEND": backend} if backend else {})
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, env=environment)


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_commands_refuse_other_backends(backend):
    done = run(backend, "-m", "facegan_tf", "train", "configs/quickstart.yaml")
    assert done.returncode == 2
    assert f"KERAS_BACKEND: {backend}" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("line", ["from facegan_tf import train", "import facegan_tf.model.gan"])
def test_python_refuses_other_backends(line):
    done = run("jax", "-c", f"import sys\ntry: {line}\nfinally: assert 'keras' not in sys.modules")
    assert "InputError: KERAS_BACKEND: jax" in done.stderr


@pytest.mark.parametrize("backend", ["tensorflow", None])
def test_tensorflow_is_the_default(backend):
    code = "import facegan_tf, os; facegan_tf.load_config; print(os.environ['KERAS_BACKEND'])"
    assert run(backend, "-c", code).stdout == "tensorflow\n"
