"""The pages in the repository: their links lead somewhere, and their commands can be run as written."""

import itertools
import re
import shlex
from pathlib import Path

import pytest

from facegan_tf.cli import main
from facegan_tf.config.load import load_config
from facegan_tf.evaluation.metrics import METRICS
from tests.helpers.paths import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("outputs/*.md")])
EXTENDING = ROOT / "docs" / "extending.md"
"""Its commands work once its snippets are applied: test_extending.py runs them."""
COMMANDED = [*(page for page in PAGES if page != EXTENDING), *sorted(ROOT.glob("configs/*.yaml"))]
PACKAGE = ROOT / "facegan_tf"
FOLDERS = {"benchmarks", "configs", "docs", "facegan_tf", "notebooks", "tests", "tools"} | {
    folder.name for folder in PACKAGE.iterdir() if folder.is_dir()
}
"""Folders whose files are tracked, so that a path in one must exist."""


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def without_code(text: str) -> str:
    return re.sub(r"^(```.*?^```|    .*?)$", "", text, flags=re.MULTILINE | re.DOTALL)


def commands(text: str) -> list[list[str]]:
    """The arguments of every complete `facegan` command, in blocks, in backticks and in configs' headers."""
    text = re.sub(r"\\\n[# ]*", "", text)
    found = re.findall(r"^(?:# Command)? {3,}(facegan [^#\n]+)", text, re.MULTILINE)
    found += re.findall(r"`(facegan [^`]+)`", text)
    return [shlex.split(command)[1:] for command in found]


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_relative_links_and_pictures_exist(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", without_code(page.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+://", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path) if path else page
        assert file.exists(), f"{name(page)} links to {target}"
        assert not anchor or anchor in anchors(file), f"{name(page)} links to {target}"


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "CHANGELOG.md"], ids=name)
def test_paths_in_backticks_exist(page):
    for path in re.findall(r"`([\w./-]+/[\w./-]*)[ `]", page.read_text(encoding="utf-8")):
        if path.partition("/")[0] in FOLDERS and "NAME" not in path:
            assert any((base / path).exists() for base in (ROOT, PACKAGE)), f"{name(page)} mentions {path}"


def flags(command: str, capsys: pytest.CaptureFixture[str]) -> set[str]:
    """The flags in the help of a command. Fails if there is no such command."""
    with pytest.raises(SystemExit) as exit_info:
        main([command, "--help"])
    assert exit_info.value.code == 0, f"facegan {command} does not exist"
    return set(re.findall(r"--[a-z][a-z-]*", capsys.readouterr().out))


def settings_in(arguments: list[str]) -> list[str]:
    """What `--set` gives to a command."""
    after = list(itertools.dropwhile(lambda argument: argument != "--set", arguments))
    return list(itertools.takewhile(lambda argument: not argument.startswith("--"), after[1:]))


@pytest.mark.parametrize("page", COMMANDED, ids=name)
def test_commands_have_flags_and_settings_that_exist(page, capsys):
    for command, *arguments in commands(page.read_text(encoding="utf-8")):
        if command in ("COMMAND", "--help"):
            continue
        given = {argument for argument in arguments if argument.startswith("--")}
        assert given <= flags(command, capsys), f"{name(page)}: facegan {command}"
        if command == "train" and "".join(arguments[:1]).startswith("configs/"):
            load_config(ROOT / arguments[0], settings_in(arguments))


def test_every_metric_is_explained():
    page = (ROOT / "docs" / "evaluation.md").read_text(encoding="utf-8")
    table = page.partition("## The metrics")[2].partition("\n## ")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == list(METRICS)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_overrides_name_settings_that_exist(page):
    for overrides in re.findall(r"`--set ([^`]+)`", page.read_text(encoding="utf-8")):
        if "key.path" not in overrides:
            load_config(ROOT / "configs" / "quickstart.yaml", shlex.split(overrides))
