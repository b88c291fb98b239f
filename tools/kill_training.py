"""Kill a run again and again, resume it each time, and compare it with an undisturbed one.

    python tools/kill_training.py configs/dcgan32_smooth.yaml --kills 30 --out kills \\
        --set data.source=synthetic:200 networks.generator.channels=[16,8,4] training.steps=4000 \\
        training.checkpoint_every=20 training.log_every=1 grids.every=10 grids.epochs=each

Each kill is a SIGKILL: while training starts, at a random moment once it makes steps, or as soon as a
checkpoint, a grid or a line of the log is being written. In the end both runs must have the same weights,
scores, best checkpoint, losses, metrics.jsonl, psnr.jsonl, grids, GIF, curves, kept epochs and TensorBoard
records (except for speeds, which differ from run to run), and no half-written files. Prints what it found,
and exits with 1 if anything differs. Settings with frequent checkpoints and grids offer it many moments.
"""

import argparse
import hashlib
import json
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from new_folder import new_folder

from facegan_tf.commands.arguments import add_overrides

COMPARED = (
    "metrics.jsonl",
    "psnr.jsonl",
    "training.gif",
    "curves.png",
    "reals.png",
    "best.png",
    "grids/*",
    "epochs/*.png",
)
TIMEOUT = 300.0
"""Most seconds to wait for a moment: on a busy machine, training takes long to start."""

START = "the start"
RANDOM = "a random moment"
LOG_LINE = "a line being logged"
CHECKPOINT = "a checkpoint being written"
GRID = "a grid being written"
MOMENTS = (START, RANDOM, LOG_LINE, CHECKPOINT, GRID)

Condition = Callable[[], bool]


def after(seconds: float) -> Condition:
    """True once `seconds` have passed since the first call."""
    first_call: list[float] = []

    def condition() -> bool:
        now = time.monotonic()
        first_call.append(now)
        return now - first_call[0] >= seconds

    return condition


def being_written(run: Path, pattern: str) -> Condition:
    """True while there is a half-written file or folder whose path in the run matches."""
    return lambda: any(run.glob(pattern))


def growing(log: Path) -> Condition:
    """True once a log is longer than at the first call."""
    sizes: list[int] = []

    def condition() -> bool:
        sizes.append(log.stat().st_size if log.exists() else 0)
        return sizes[-1] > sizes[0]

    return condition


def conditions(moment: str, run: Path, draw: random.Random, longest_wait: float) -> list[Condition]:
    """The conditions that must become true, one after the other, before the kill."""
    log = run / "metrics.jsonl"
    if moment == START:
        return [after(draw.uniform(0, longest_wait))]
    if moment == RANDOM:
        return [growing(log), after(draw.uniform(0, longest_wait / 2))]
    if moment == LOG_LINE:
        return [growing(log) for _ in range(draw.randrange(1, 40))]
    pattern = {CHECKPOINT: "checkpoints/.step_*.partial-*", GRID: "grids/.step_*.partial-*"}[moment]
    return [growing(log), after(draw.uniform(0, longest_wait / 4)), being_written(run, pattern)]


def kill_once(command: list[str], moment: str, awaited: list[Condition]) -> int | None:
    """Start training and kill it at a moment; return its exit code if it ended before, else None."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + TIMEOUT
    for condition in awaited:
        while process.poll() is None and not condition():
            if time.monotonic() > deadline:
                process.kill()
                raise SystemExit(f"waited {TIMEOUT:.0f} s for {moment}; run it by hand to see what it does")
            time.sleep(0.0002)
    code = process.poll()
    process.kill()
    process.wait()
    return code


def progress(run: Path) -> str:
    """How far a run got, as text."""
    checkpoints = sorted(path.name for path in run.glob("checkpoints/step_*"))
    partial = [path.name for path in half_written(run)]
    newest = checkpoints[-1] if checkpoints else "no checkpoint"
    return f"{newest}; half-written: {', '.join(partial) or 'nothing'}"


def half_written(run: Path) -> list[Path]:
    return list(run.rglob(".*.partial-*"))


def digests(run: Path) -> dict[str, str]:
    """What must be the same in both runs, by name: facts, or hashes of files and TensorBoard records."""
    found = {
        str(path.relative_to(run)): hashlib.sha256(path.read_bytes()).hexdigest()
        for pattern in COMPARED
        for path in sorted(run.glob(pattern))
    }
    for facts in sorted(run.glob("checkpoints/**/checkpoint.json")):
        place = facts.parent.relative_to(run)
        found[f"weights of {place}"] = json.loads(facts.read_text())["weights_sha256"]
    found["TensorBoard"] = hashlib.sha256(repr(tensorboard_records(run)).encode()).hexdigest()
    evaluations = run / "evaluations.jsonl"
    lines = evaluations.read_text().splitlines() if evaluations.exists() else []
    found["scores"] = json.dumps([json.loads(line)["scores"] for line in lines])
    record = json.loads((run / "run.json").read_text())
    found["losses in run.json"] = json.dumps(record["losses"])
    found["status"] = record["status"]
    return found


def tensorboard_records(run: Path) -> dict[str, list[tuple[int, bytes]]]:
    """(step, value) pairs of each tag, in the order of the log; the values of speeds are left out."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(run / "tensorboard"), size_guidance={"tensors": 0})
    events.Reload()
    return {
        tag: [
            (event.step, b"" if tag == "images_per_second" else event.tensor_proto.SerializeToString())
            for event in events.Tensors(tag)
        ]
        for tag in sorted(events.Tags()["tensors"])
    }


def kill_repeatedly(base: list[str], run: Path, options: argparse.Namespace) -> Counter[str]:
    """Kill training in `run` up to `options.kills` times; return how often it was killed at each moment."""
    began, draw, kills = time.monotonic(), random.Random(options.seed), Counter[str]()
    for number in range(1, options.kills + 1):
        if time.monotonic() - began > 60 * options.minutes:
            break
        moment = MOMENTS[(number + options.seed) % len(MOMENTS)]
        awaited = conditions(moment, run, draw, options.longest_wait)
        code = kill_once([*base, "--out", str(run)], moment, awaited)
        if code is not None:
            print(f"the run ended by itself before kill {number}, with exit code {code}")
            if code:
                raise SystemExit(1)
            break
        kills[moment] += 1
        print(f"kill {number}, at {moment}: {progress(run)}", flush=True)
    return kills


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("config", help="config file")
    parser.add_argument("--kills", type=int, default=30, help="number of kills (default: 30)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the moments (default: 0)")
    parser.add_argument("--minutes", type=float, default=30, help="no more kills after that (default: 30)")
    wait = "longest random wait before a kill, in seconds (default: 15)"
    parser.add_argument("--longest-wait", type=float, default=15, help=wait)
    parser.add_argument("--out", type=new_folder, required=True, help="new folder for both runs")
    add_overrides(parser, "settings to change")
    options = parser.parse_args()
    undisturbed, killed = options.out / "undisturbed", options.out / "killed"
    base = [sys.executable, "-m", "facegan_tf", "train", options.config, "--resume"]
    if options.overrides:
        base += ["--set", *options.overrides]

    began = time.monotonic()
    kills = kill_repeatedly(base, killed, options)
    for run in (killed, undisturbed):
        ended = subprocess.run([*base, "--out", str(run)], capture_output=True, text=True)
        if ended.returncode:
            print(f"{run}: training failed:\n{ended.stderr}")
            return 1
    found, expected = digests(killed), digests(undisturbed)
    different = sorted(name for name in found | expected if found.get(name) != expected.get(name))
    left = [str(path) for path in half_written(killed)]
    print(f"{kills.total()} kills: {dict(kills)}, in {time.monotonic() - began:.0f} s")
    print(
        f"{len(expected)} things compared; different: {different or 'none'}; half-written: {left or 'none'}"
    )
    return 1 if different or left or not kills else 0


if __name__ == "__main__":
    sys.exit(main())
