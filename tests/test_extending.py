"""The snippets of docs/extending.md, applied to a copy of the package, which then trains with them."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys

import numpy as np
import pytest

from tests.helpers.paths import CONFIGS, ROOT

pytestmark = pytest.mark.slow

GUIDE = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
SECTIONS = re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", GUIDE, re.MULTILINE | re.DOTALL)
SMALL = "data.source=synthetic:24 data.cache=cache training.steps=2 training.batch_size=4 grids.side=2"


def blocks(section, language):
    """Each code block of a language: its first line without the mark of a comment, and the others."""
    found = re.findall(rf"^```{language}\n(?:# |--- )(.*?)\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    assert found
    return found


def apply_diff(path, diff):
    """Apply a diff without line numbers: the old text of each hunk must be in the file exactly once."""
    text = path.read_text(encoding="utf-8")
    for hunk in diff.split("@@\n"):
        lines = hunk.splitlines()
        old, new = ("\n".join(line[1:] for line in lines if line[:1] in (" ", sign)) for sign in "-+")
        assert text.count(old) == 1, f"{path}: {old!r} is there {text.count(old)} times"
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")


def test_the_guide_has_every_kind_of_addition():
    assert [title for title, _ in SECTIONS] == [
        "A loss",
        "A penalty",
        "A family of nets",
        "A metric",
        "A source of photos",
    ]


def commands_of(section):
    """The arguments of a section's commands; those of a training made small."""
    found = [shlex.split(command) for command in re.findall(r"^    facegan (.*)$", section, re.MULTILINE)]
    assert found
    for arguments in found:
        if arguments[0] == "train":
            arguments += [*([] if "--set" in arguments else ["--set"]), *SMALL.split()]
    return found


RUN_ALL = """
import json, sys
from facegan_tf.cli import main
for place, arguments in enumerate(json.loads(sys.argv[1])):
    extra = ["--out", f"run{place}"] if arguments[0] == "train" else []
    code = main(arguments[:2] + extra + arguments[2:])
    assert code == 0, arguments
"""


def test_each_addition_is_one_new_file_and_one_entry_and_works(tmp_path):
    # All in one copy and one process: TensorFlow's start costs more than the trainings.
    shutil.copytree(ROOT / "facegan_tf", tmp_path / "facegan_tf")
    shutil.copytree(CONFIGS, tmp_path / "configs")
    np.save(tmp_path / "faces.npy", np.random.default_rng(0).integers(0, 256, (5, 40, 36, 3), np.uint8))
    commands = []
    for _, section in SECTIONS:
        [(new, source)], [(entry, diff)] = blocks(section, "python"), blocks(section, "diff")
        assert not (tmp_path / new).exists()
        (tmp_path / new).write_text(source, encoding="utf-8")
        apply_diff(tmp_path / entry, diff)
        commands += commands_of(section)
    done = subprocess.run(
        [sys.executable, "-c", RUN_ALL, json.dumps(commands)],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
