"""The snippets of docs/extending.md, applied to a copy of the package, which then trains with them."""

import os
import re
import shlex
import shutil
import subprocess
import sys

import numpy as np
import pytest

from tests.helpers.paths import CONFIGS, ROOT

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


@pytest.mark.parametrize(("title", "section"), SECTIONS, ids=[title for title, _ in SECTIONS])
def test_an_addition_is_one_new_file_and_one_entry_and_works(title, section, tmp_path):
    shutil.copytree(ROOT / "facegan_tf", tmp_path / "facegan_tf")
    shutil.copytree(CONFIGS, tmp_path / "configs")
    [(new, source)], [(entry, diff)] = blocks(section, "python"), blocks(section, "diff")
    assert not (tmp_path / new).exists()
    (tmp_path / new).write_text(source, encoding="utf-8")
    apply_diff(tmp_path / entry, diff)
    photos = np.random.default_rng(0).integers(0, 256, (5, 40, 36, 3), np.uint8)
    np.save(tmp_path / "faces.npy", photos)
    commands = re.findall(r"^    facegan (.*)$", section, re.MULTILINE)
    assert commands
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    for command in commands:
        arguments = shlex.split(command)
        if arguments[0] == "train":
            arguments += [*([] if "--set" in arguments else ["--set"]), *SMALL.split()]
        done = subprocess.run(
            [sys.executable, "-m", "facegan_tf", *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
