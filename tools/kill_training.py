"""Kill a training again and again, go on with it each time, and hold it against one that nobody disturbed.

    python tools/kill_training.py configs/dcgan32_smooth.yaml --kills 30 --out kills \\
        --set data.source=synthetic:200 networks.generator.channels=[16,8,4] training.steps=4000 \\
        training.checkpoint_every=20 training.log_every=1 grids.every=10 grids.epochs=each

Each kill is a SIGKILL: as the training starts, at a random moment once it is at work, or as soon as a
checkpoint, a grid or a line of the log is being written. In the end both runs must have the same weights,
scores, best checkpoint, metrics.jsonl, psnr.jsonl, grids, GIF, kept epochs and TensorBoard records (speeds
aside, which follow from no seed), and nothing half-written. Prints what it saw, and exits with 1 if anything
differs. Settings with frequent checkpoints and grids give it much to hit.
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
LONGEST = 300.0
"""Seconds that are waited for a moment, at the most: a crowded machine takes its time to start."""


def after(seconds: float) -> Callable[[], bool]:
    """Whether so long has gone since the first look."""
    looks: list[float] = []

    def look() -> bool:
        looks.append(time.monotonic())
        return looks[-1] - looks[0] >= seconds

    return look


def being_written(run: Path, pattern: str) -> Callable[[], bool]:
    """Whether something whose name matches is half-written just now."""
    return lambda: any(run.glob(pattern))


def growing(log: Path) -> Callable[[], bool]:
    """Whether a log has become longer since the first look."""
    sizes: list[int] = []

    def look() -> bool:
        sizes.append(log.stat().st_size if log.exists() else 0)
        return sizes[-1] > sizes[0]

    return look


def awaited(moment: str, run: Path, draw: random.Random) -> list[Callable[[], bool]]:
    """What has to be seen, one after the other, before the kill."""
    at_work = growing(run / "metrics.jsonl")
    if moment == "the start":
        return [after(draw.uniform(0, 15))]
    if moment == "a random moment":
        return [at_work, after(draw.uniform(0, 8))]
    if moment == "a line being logged":
        return [growing(run / "metrics.jsonl") for _ in range(draw.randrange(1, 40))]
    pattern = {
        "a checkpoint being written": "checkpoints/.step_*.partial-*",
        "a grid being written": "grids/.step_*.partial-*",
    }[moment]
    return [at_work, after(draw.uniform(0, 4)), being_written(run, pattern)]


MOMENTS = (
    "the start",
    "a random moment",
    "a line being logged",
    "a checkpoint being written",
    "a grid being written",
)


def kill_once(command: list[str], run: Path, moment: str, draw: random.Random) -> int | None:
    """Start a training and kill it at such a moment; return the exit code if it ended before."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + LONGEST
    for seen in awaited(moment, run, draw):
        while process.poll() is None and not seen():
            if time.monotonic() > deadline:
                process.kill()
                raise SystemExit(f"no {moment} was seen in {LONGEST:.0f} s; see what the training does")
            time.sleep(0.0002)
    code = process.poll()
    process.kill()
    process.wait()
    return code


def saw(run: Path) -> str:
    """How far a run got, for the eye."""
    checkpoints = sorted(path.name for path in run.glob("checkpoints/step_*"))
    halves = [path.name for path in run.rglob(".*.partial-*")]
    newest = checkpoints[-1] if checkpoints else "no checkpoint"
    return f"{newest}; half-written: {', '.join(halves) or 'nothing'}"


def digests(run: Path) -> dict[str, str]:
    """SHA-256 of each file that must be the same, and of the weights and the TensorBoard records."""
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
    """Of each tag the steps, in the order of the log, and the values."""
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


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("config")
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--minutes", type=float, default=30, help="no more kills after that")
    parser.add_argument("--out", type=Path, required=True, help="folder for both runs, new")
    parser.add_argument("--set", dest="overrides", nargs="+", default=[])
    options = parser.parse_args()
    straight, killed = options.out / "undisturbed", options.out / "killed"
    base = [sys.executable, "-m", "facegan_tf", "train", options.config, "--resume"]
    if options.overrides:
        base += ["--set", *options.overrides]

    began, draw, seen = time.monotonic(), random.Random(options.seed), Counter()
    for number in range(1, options.kills + 1):
        if time.monotonic() - began > 60 * options.minutes:
            break
        moment = MOMENTS[(number + options.seed) % len(MOMENTS)]
        code = kill_once([*base, "--out", str(killed)], killed, moment, draw)
        if code is not None:
            print(f"the training ended by itself before kill {number}, with exit code {code}")
            if code:
                return 1
            break
        seen[moment] += 1
        print(f"kill {number}, at {moment}: {saw(killed)}", flush=True)
    for run in (killed, straight):
        ended = subprocess.run([*base, "--out", str(run)], capture_output=True, text=True)
        if ended.returncode:
            print(f"{run}: the training failed:\n{ended.stderr}")
            return 1
    found, expected = digests(killed), digests(straight)
    different = sorted(name for name in found | expected if found.get(name) != expected.get(name))
    left = [str(path) for path in killed.rglob(".*.partial-*")]
    print(f"{sum(seen.values())} kills: {dict(seen)}, in {time.monotonic() - began:.0f} s")
    print(
        f"{len(expected)} things compared; different: {different or 'none'}; half-written: {left or 'none'}"
    )
    return 1 if different or left or not seen else 0


if __name__ == "__main__":
    sys.exit(main())
