"""The pages in the repository: their links lead somewhere, and their commands can be run as written."""

import itertools
import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml

from facegan_tf.cli import main
from facegan_tf.commands import train
from facegan_tf.config.load import load_config
from facegan_tf.evaluation.metrics import METRICS
from tests.helpers.command_line import parsed
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


@pytest.mark.parametrize(
    ("code", "restarts", "requeued"),
    [
        (0, 0, False),
        (138, 9, True),
        (143, 0, True),
        (1, 0, True),
        (1, 5, False),
        (137, 0, True),
        (137, 5, False),
        (2, 0, False),
    ],
)
def test_the_slurm_job_is_requeued_unless_it_is_done_or_keeps_failing(tmp_path, code, restarts, requeued):
    fakes = {
        "srun": f'echo "$@" >> {tmp_path}/started; exit {code}',
        "scontrol": f'echo "$@" > {tmp_path}/requeued',
    }
    for command, script in fakes.items():
        (tmp_path / command).write_text(f"#!/bin/bash\n{script}\n")
        (tmp_path / command).chmod(0o755)
    variables = {"SLURM_JOB_ID": "7", "SLURM_RESTART_COUNT": str(restarts)}
    environment = os.environ | variables | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    job = ["bash", ROOT / "docs" / "slurm.sh", "a.yaml", "run", "--set", "data.source=my photos.zip"]
    assert subprocess.run(job, env=environment).returncode == code
    started = (tmp_path / "started").read_text()
    assert (
        started == "facegan train a.yaml --out run --resume --cluster slurm --set data.source=my photos.zip\n"
    )
    assert (tmp_path / "requeued").exists() == requeued
    if requeued:
        assert (tmp_path / "requeued").read_text() == "requeue 7\n"


def test_the_kubernetes_job_starts_one_worker_in_each_pod():
    service, job = yaml.safe_load_all((ROOT / "docs" / "kubernetes.yaml").read_text())
    pod = job["spec"]["template"]["spec"]
    [container] = pod["containers"]
    command = [part.replace("$(JOB_COMPLETION_INDEX)", "3") for part in container["command"][2:]]
    options = parsed(train, *command)
    assert options.worker == 3 and options.resume
    names = [
        f"{job['metadata']['name']}-{number}.{pod['subdomain']}"
        for number in range(job["spec"]["completions"])
    ]
    [port] = [each["port"] for each in service["spec"]["ports"]]
    assert options.cluster.split(",") == [f"{name}:{port}" for name in names]
    assert pod["subdomain"] == service["metadata"]["name"]
    assert service["spec"]["selector"] == {"job-name": job["metadata"]["name"]}
    load_config(ROOT / options.config, options.overrides)
