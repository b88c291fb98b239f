"""Kill `facegan prepare` at random moments, to see whether it leaves anything wrong behind.

    python tools/kill_prepare.py SOURCE_ZIP_OR_FOLDER --kills 10

First a store is prepared without a kill. Then the same command is started again and again, and killed
(kill -9) at a random moment: all its processes, only the main one, or only a worker, in turn. After each kill
there must be no store, or the complete one if it had just been renamed, and workers without a main process
must end. Work is saved five times per second, so that the next start can continue it. The last start is not
killed: its store must equal the first one byte by byte, and be alone in its folder. The exit code is 1 if any
of this fails. Linux only.
"""

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

VICTIMS = ("all", "main", "worker")
UNFINISHED = ".store.unfinished"
PROGRAM = """
import sys
from facegan_tf.data import prepare
prepare.SAVE_SECONDS = 0.2
from facegan_tf.cli import main
sys.exit(main())
"""
PATIENCE = 30.0  # seconds within which workers must end


class Prepare:
    """A running `facegan prepare` with two workers."""

    def __init__(self, source: str, out: Path, size: int) -> None:
        """Start it."""
        options = ["--size", str(size), "--workers", "2", "--max-rejected", "1"]
        command = [sys.executable, "-c", PROGRAM, "prepare", source, "--out", str(out), *options]
        # Not a pipe, which would stay open until the last worker ends.
        self.printed = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self.process = subprocess.Popen(command, stderr=self.printed)

    def workers(self) -> list[int]:
        """The process ids of the workers."""
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
            return [int(pid) for pid in children.read_text().split()]
        return []

    def kill(self, victim: str, rng: random.Random) -> None:
        """Kill a victim, one of VICTIMS."""
        workers = self.workers()
        if victim == "worker" and workers:
            killed = [rng.choice(workers)]
        else:
            killed = [self.process.pid, *(workers if victim == "all" else [])]
        for pid in killed:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def end(self) -> tuple[int, str]:
        """Wait for the end; return the exit code and the last line printed. A traceback raises SystemExit."""
        code = self.process.wait(timeout=600)
        self.printed.seek(0)
        printed = self.printed.read()
        if "Traceback" in printed:
            raise SystemExit(printed)
        self.continued = "continuing after" in printed
        return code, (printed.splitlines() or [""])[-1]


def is_running(pid: int) -> bool:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def content(store: Path) -> dict[str, object]:
    """The content of all files of a store, by name, without the time when it was made."""
    files: dict[str, object] = {path.name: path.read_bytes() for path in store.iterdir()}
    manifest = json.loads((store / "manifest.json").read_text())
    del manifest["created"]
    return files | {"manifest.json": manifest}


def disturb(run: Prepare, victim: str, moment: float, rng: random.Random) -> bool:
    """Kill a run after `moment` seconds; False if it ended before. Raises SystemExit if it ends wrongly."""
    deadline = time.monotonic() + moment
    while time.monotonic() < deadline or (victim == "worker" and not run.workers()):
        if run.process.poll() is not None:
            break
        time.sleep(0.002)
    workers = run.workers()
    if run.process.poll() is None:
        run.kill(victim, rng)
    code, last = run.end()
    if code == 0:
        return False
    expected = 1 if victim == "worker" and workers else -signal.SIGKILL
    print(f"{victim:6} killed after {moment:5.2f} s: exit code {code}", end="")
    if code != expected:
        raise SystemExit(f", not {expected}: {last}")
    deadline = time.monotonic() + PATIENCE
    while any(map(is_running, workers)):
        if time.monotonic() > deadline:
            raise SystemExit(f"; one of the workers {workers} is still running after {PATIENCE:g} s")
        time.sleep(0.01)
    return True


def check_left(out: Path, victim: str, undisturbed: Path) -> None:
    """Raise SystemExit if there is a part of a store, or anything left by a run that could clean up."""
    left = sorted(path.name for path in out.parent.iterdir())
    print(f", left: {' '.join(left) or 'nothing'}")
    if out.exists() and content(out) != content(undisturbed):
        raise SystemExit(f"{out} exists and differs from the undisturbed store")
    if victim == "worker" and set(left) - {UNFINISHED}:
        raise SystemExit(f"{out.parent} should hold nothing but {UNFINISHED}")


def kill_often(
    source: str, out: Path, undisturbed: Path, seconds: float, arguments: argparse.Namespace
) -> None:
    """Kill `--kills` runs within `seconds` of their start. Raises SystemExit if anything is wrong."""
    rng = random.Random(arguments.seed)
    kills, runs, continued = 0, 0, 0
    while kills < arguments.kills:
        runs += 1
        if runs > 9 * arguments.kills:
            raise SystemExit(
                f"only {kills} of {runs} runs lasted long enough to be killed; give a larger source"
            )
        victim = VICTIMS[kills % 3]
        run = Prepare(source, out, arguments.size)
        killed = disturb(run, victim, rng.uniform(0, seconds), rng)
        continued += run.continued
        if killed:
            kills += 1
            check_left(out, victim, undisturbed)
        shutil.rmtree(out, ignore_errors=True)  # complete, so that the next run would have nothing to do
    print(f"{continued} of {runs} runs continued an earlier run's work")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", metavar="SOURCE_ZIP_OR_FOLDER")
    parser.add_argument("--kills", type=int, default=10, metavar="N", help="number of kills (default: 10)")
    parser.add_argument("--size", type=int, default=64, metavar="S", help="pixels a side (default: 64)")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="of the random moments (default: 0)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        undisturbed, out = Path(folder) / "undisturbed" / "store", Path(folder) / "killed" / "store"
        out.parent.mkdir()
        started = time.monotonic()
        code, last = Prepare(arguments.source, undisturbed, arguments.size).end()
        seconds = time.monotonic() - started
        print(f"undisturbed: {seconds:.2f} s, exit code {code}: {last}")
        if code:
            raise SystemExit(code)
        kill_often(arguments.source, out, undisturbed, seconds, arguments)
        code, last = Prepare(arguments.source, out, arguments.size).end()
        print(f"not killed: exit code {code}: {last}")
        left = sorted(path.name for path in out.parent.iterdir())
        if code or left != ["store"] or content(out) != content(undisturbed):
            raise SystemExit(f"the store differs from the undisturbed one, or is not alone: {left}")
    print(f"after {arguments.kills} kills the store equals the undisturbed one, and nothing else is left")


if __name__ == "__main__":
    main()
