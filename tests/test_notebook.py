"""notebooks/faces.ipynb as committed, and when it is run with few drawn faces and few steps."""

import ast
import copy
import shutil
from pathlib import Path

import nbformat
import numpy as np
import pytest
import tensorflow as tf
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpecManager
from nbclient import NotebookClient
from PIL import Image

import facegan_tf
from facegan_tf import load_config

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
SMALL = {"PHOTOS": "synthetic:24", "CROP": "square", "IMAGES": 24, "STEPS": 6, "PROJECT": ".."}
ALLOWED = {"IPython", "PIL", "itertools", "numpy", "os", "pathlib", "tensorflow"}
"""Modules that the notebook may import besides the public names of facegan_tf."""


@pytest.fixture(scope="module")
def notebook():
    return nbformat.read(ROOT / "notebooks" / "faces.ipynb", as_version=4)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def parameters_cell(notebook):
    [cell] = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    return cell


@pytest.fixture(scope="module")
def executed(notebook, tmp_path_factory):
    """The notebook after a run in which every cell below the setup ran twice; and the project's folder.

    The project is a copy of the files that the notebook needs. It looks as if the notebook had run before.
    """
    project = tmp_path_factory.mktemp("project")
    shutil.copytree(ROOT / "configs", project / "configs")
    for folder in ("notebooks", "outputs/notebook-1", "jupyter"):
        (project / folder).mkdir(parents=True)
    (project / "outputs" / "notebook-1" / "of_the_first_run").touch()
    notebook = copy.deepcopy(notebook)
    parameters_cell(notebook).source = "\n".join(f"{name} = {value!r}" for name, value in SMALL.items())
    again = copy.deepcopy([cell for cell in code_cells(notebook) if cell.id not in ("parameters", "setup")])
    for cell in again:
        cell.id += "-again"
    notebook.cells += again
    # Without kernel folders, the only kernel is the one of this Python, whatever else is installed.
    kernel = AsyncKernelManager(
        kernel_name="python3",
        kernel_spec_manager=KernelSpecManager(kernel_dirs=[], ensure_native_kernel=True),
    )
    where = {"metadata": {"path": str(project / "notebooks")}}
    with pytest.MonkeyPatch.context() as patch:
        for variable in ("JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "IPYTHONDIR"):
            patch.setenv(variable, str(project / "jupyter"))
        NotebookClient(notebook, km=kernel, timeout=300, resources=where).execute(
            cleanup_kc=True
        )  # ends the kernel
    return notebook, project


@pytest.fixture(scope="module")
def folder(executed):
    return executed[1] / "outputs" / "notebook-2"


def test_it_is_committed_without_outputs(notebook):
    nbformat.validate(notebook)
    assert [cell.id for cell in code_cells(notebook) if cell.outputs or cell.execution_count] == []


def test_it_imports_only_public_names(notebook):
    imported, public = set(), set()
    for cell in code_cells(notebook):
        for node in ast.walk(ast.parse(cell.source)):
            if isinstance(node, ast.Import):
                imported |= {name.name for name in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module == "facegan_tf":
                public |= {name.name for name in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add(node.module)
    assert {module.partition(".")[0] for module in imported} <= ALLOWED
    assert public <= set(facegan_tf.__all__)


def test_every_public_name_exists_and_has_a_docstring():
    for name in facegan_tf.__all__:
        assert getattr(facegan_tf, name).__doc__, name


def test_these_tests_set_every_parameter_of_the_notebook(notebook):
    assigned = [node.targets[0].id for node in ast.parse(parameters_cell(notebook).source).body]
    assert assigned == list(SMALL)


def test_cells_show_their_pictures_each_time_they_run(executed):
    def shows_a_picture(cell):
        return any(kind.startswith("image/") for output in cell.outputs for kind in output.get("data", {}))

    cells = [cell for cell in code_cells(executed[0]) if "show(" in cell.source or "Image(" in cell.source]
    assert len(cells) >= 2 * 11
    assert [cell.id for cell in cells if not shows_a_picture(cell)] == []


def test_it_writes_into_a_new_folder(folder):
    assert sorted(path.name for path in folder.parent.iterdir()) == ["notebook-1", "notebook-2"]
    assert [path.name for path in (folder.parent / "notebook-1").iterdir()] == ["of_the_first_run"]
    assert sorted(path.name for path in folder.iterdir()) == [
        "export-6",
        "face.png",
        "interpolation.gif",
        "nets.png",
        "run",
        "settings.yaml",
        "store",
    ]


def test_the_run_followed_the_settings(folder):
    settings, ran = load_config(folder / "settings.yaml"), load_config(folder / "run")
    assert ran.training.steps == SMALL["STEPS"]
    assert ran.model_dump(exclude={"data"}) == settings.model_dump(exclude={"data"})
    assert ran.data.source == str((folder / "store").resolve())


@pytest.mark.parametrize("name", ["run/training.gif", "interpolation.gif"])
def test_its_gifs_move(folder, name):
    with Image.open(folder / name) as gif:
        assert gif.n_frames > 1


def test_its_savedmodel_draws_the_faces_that_it_shows(executed, folder):
    model = tf.saved_model.load(str(folder / "export-6"))
    faces = model.signatures["sample"](seeds=tf.constant([100], tf.int64), truncation=tf.constant(0.7))
    with Image.open(folder / "face.png") as face:
        # Drawn with others there and alone here, which may round differently.
        assert np.abs(np.asarray(face).astype(int) - faces["images"][0].numpy()).max() <= 1
    printed = [
        output.text for cell in executed[0].cells if cell.id == "served" for output in cell.outputs[:1]
    ]
    assert printed == ["the same faces as above: True\n"]
