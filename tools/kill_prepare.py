"""Whether `facegan prepare`, killed at any moment, leaves anything wrong behind.

    python tools/kill_prepare.py SOURCE_ZIP_OR_FOLDER --kills 10

A store is prepared undisturbed. Then the same is begun again and again, each time killed (kill -9) at a
random moment: the main process and its workers, only the main one, or only a worker, in turn. After each kill
there may be no store, or the whole one where it had just got its name; workers whose main process is gone
must end by themselves. At last it is left to end: its store must be the undisturbed one byte by byte, alone
in its folder. Ends with exit code 1 where any of that is not so. Linux only.
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
PATIENCE = 30.0  # seconds for what must end to end


class Prepare:
    """A running `facegan prepare` with two workers."""

    def __init__(self, source: str, out: Path, size: int) -> None:
        """Begin."""
        options = ["--size", str(size), "--workers", "2", "--max-rejected", "1"]
        command = [sys.executable, "-m", "facegan_tf", "prepare", source, "--out", str(out), *options]
        # No pipe: its end would come with that of the last worker.
        self.words = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self.process = subprocess.Popen(command, stderr=self.words)

    def workers(self) -> list[int]:
        """Their process ids."""
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
            return [int(pid) for pid in children.read_text().split()]
        return []

    def kill(self, victim: str, rng: random.Random) -> None:
        """Kill it, or a part of it, as `VICTIMS` says."""
        workers = self.workers()
        if victim == "worker" and workers:
            doomed = [rng.choice(workers)]
        else:
            doomed = [self.process.pid, *(workers if victim == "all" else [])]
        for pid in doomed:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def end(self) -> tuple[int, str]:
        """Wait for it; its exit code and the last line it said. SystemExit if that is part of a traceback."""
        code = self.process.wait(timeout=600)
        self.words.seek(0)
        said = self.words.read()
        if "Traceback" in said:
            raise SystemExit(said)
        return code, (said.splitlines() or [""])[-1]


def is_running(pid: int) -> bool:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def content(store: Path) -> dict[str, object]:
    """All that a store holds, without the time when it was made."""
    files: dict[str, object] = {path.name: path.read_bytes() for path in store.iterdir()}
    manifest = json.loads((store / "manifest.json").read_text())
    del manifest["created"]
    return files | {"manifest.json": manifest}


def disturb(run: Prepare, victim: str, moment: float, rng: random.Random) -> bool:
    """Kill a run after `moment` seconds; False if it had ended before. SystemExit if it ends wrongly."""
    deadline = time.monotonic() + moment
    while time.monotonic() < deadline or (victim == "worker" and not run.workers()):
        if run.process.poll() is not None:
            break
        time.sleep(0.002)
    workers = run.workers()
    if run.process.poll() is None:
        run.kill(victim, rng)
    code, said = run.end()
    if code == 0:
        return False
    expected = 1 if victim == "worker" and workers else -signal.SIGKILL
    print(f"{victim:6} killed after {moment:5.2f} s: exit code {code}", end="")
    if code != expected:
        raise SystemExit(f", not {expected}: {said}")
    deadline = time.monotonic() + PATIENCE
    while any(map(is_running, workers)):
        if time.monotonic() > deadline:
            raise SystemExit(f"; a worker of {workers} still runs after {PATIENCE:g} s")
        time.sleep(0.01)
    return True


def check_left(out: Path, victim: str, undisturbed: Path) -> None:
    """SystemExit if there is a part of a store under its name, or anything of a run that could tidy up."""
    left = sorted(path.name for path in out.parent.iterdir())
    print(f", left: {' '.join(left) or 'nothing'}")
    if out.exists() and content(out) != content(undisturbed):
        raise SystemExit(f"{out} is there and is not the undisturbed store")
    if victim == "worker" and left:
        raise SystemExit(f"{out.parent} should hold nothing")


def kill_often(
    source: str, out: Path, undisturbed: Path, seconds: float, arguments: argparse.Namespace
) -> None:
    """`--kills` runs of up to `seconds`, each killed; SystemExit if any of them is not as it should be."""
    rng = random.Random(arguments.seed)
    kills, runs = 0, 0
    while kills < arguments.kills:
        runs += 1
        if runs > 3 * arguments.kills:
            raise SystemExit(f"only {kills} of {runs} runs could be killed in time; give a larger source")
        victim = VICTIMS[kills % 3]
        if disturb(Prepare(source, out, arguments.size), victim, rng.uniform(0, seconds), rng):
            kills += 1
            check_left(out, victim, undisturbed)
        shutil.rmtree(out, ignore_errors=True)  # whole, but the next run would find nothing to do


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", metavar="SOURCE_ZIP_OR_FOLDER")
    parser.add_argument("--kills", type=int, default=10, metavar="N", help="default: 10")
    parser.add_argument("--size", type=int, default=64, metavar="S", help="pixels a side (default: 64)")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="of the moments (default: 0)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        undisturbed, out = Path(folder) / "undisturbed" / "store", Path(folder) / "killed" / "store"
        out.parent.mkdir()
        started = time.monotonic()
        code, said = Prepare(arguments.source, undisturbed, arguments.size).end()
        seconds = time.monotonic() - started
        print(f"undisturbed: {seconds:.2f} s, exit code {code}: {said}")
        if code:
            raise SystemExit(code)
        kill_often(arguments.source, out, undisturbed, seconds, arguments)
        code, said = Prepare(arguments.source, out, arguments.size).end()
        print(f"left to end: exit code {code}: {said}")
        left = sorted(path.name for path in out.parent.iterdir())
        if code or left != ["store"] or content(out) != content(undisturbed):
            raise SystemExit(f"the store differs, or is not alone: {left}")
    print(f"after {arguments.kills} kills it is the undisturbed store byte by byte, and nothing else is left")


if __name__ == "__main__":
    main()
