"""What all commands share: the list of them, instant help, exit codes, and errors that name flags."""

import re
import subprocess
import sys

import pytest

from facegan_tf import cli
from facegan_tf.common.errors import FaceganError, InputError
from tests.helpers.command_line import NAMES, call, modules_after


def top_level(modules):
    return {name.partition(".")[0] for name in modules}


@pytest.fixture(scope="module")
def without_facegan():
    """The libraries that a bare Python loads here, such as what installed the package for editing."""
    code = "import sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return top_level(done.stdout.split())


@pytest.mark.parametrize("command", [[], *([name] for name in NAMES)], ids=" ".join)
def test_help_loads_only_the_standard_library(command, without_facegan):
    loaded = top_level(modules_after(*command, "--help"))
    assert "argparse" in loaded
    assert loaded - without_facegan - sys.stdlib_module_names == {"facegan_tf"}


def test_every_module_of_a_command_is_listed_and_has_help(capsys):
    with pytest.raises(SystemExit) as left:
        cli.main(["--help"])
    assert left.value.code == 0
    listed = re.findall(r"^    (\w+)\b", capsys.readouterr().out, re.MULTILINE)
    assert sorted(listed) == NAMES
    for name in NAMES:
        with pytest.raises(SystemExit) as left:
            cli.main([name, "--help"])
        assert left.value.code == 0
        assert capsys.readouterr().out.startswith(f"usage: facegan {name} ")


@pytest.mark.parametrize(
    "arguments", [[], ["dance"], ["train"], ["sample", "run"], ["prepare", "x", "--size", "a"]]
)
def test_wrong_use_exits_with_2(arguments, capsys):
    with pytest.raises(SystemExit) as left:
        cli.main(arguments)
    assert left.value.code == 2


@pytest.mark.parametrize(
    ("result", "code", "message"),
    [
        (None, 0, ""),
        (143, 143, ""),
        (FaceganError("the work failed"), 1, "facegan report: the work failed\n"),
        (OSError(28, "No space left", "page.html"), 1, "facegan report: failed: [Errno 28] No space left: "),
        (KeyboardInterrupt(), 130, "\nfacegan report: interrupted\n"),
        (InputError("out", "x", "exists; see `run`"), 2, "facegan report: --out x: exists; see RUN\n"),
        (InputError("run", "x", "is not a run"), 2, "facegan report: RUN x: is not a run\n"),
        (InputError(None, "x", "is damaged"), 2, "facegan report: x: is damaged\n"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_a_command_returns_or_raises_decides_code_and_message(
    capsys, monkeypatch, result, code, message
):
    def run(_options):
        if isinstance(result, BaseException):
            raise result
        return result

    monkeypatch.setattr("facegan_tf.commands.report.run", run)
    exit_code, out, err = call(capsys, "report", "RUN")
    assert (exit_code, out) == (code, "")
    assert err.startswith(message) and bool(err) == bool(message)


@pytest.mark.parametrize("verb", ["sample", "export", "info"])
def test_a_path_without_a_run_is_refused(tmp_path, capsys, verb):
    out = [] if verb == "info" else ["--out", tmp_path / "out"]
    code, _, err = call(capsys, verb, tmp_path, *out)
    assert code == 2
    assert str(tmp_path) in err
