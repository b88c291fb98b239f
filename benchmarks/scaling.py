"""How much faster two processes on two cores train than one process on one core.

    python benchmarks/scaling.py configs/faces32.yaml --batch 64 --set training.precision=float32

Each worker has its own batch (--batch), and is pinned to a core. As a yardstick, two independent runs train
side by side: what they lose is lost to the machine, the rest to communication.
"""

import argparse
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from facegan_tf.commands.arguments import add_overrides

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


def start(
    options: argparse.Namespace, out: Path, core: int, batch: int, flags: list[str]
) -> subprocess.Popen:
    command = ["taskset", "-c", str(core), sys.executable, "-m", "facegan_tf", "train", options.config]
    command += ["--out", str(out), "--steps", str(options.warm_up + options.steps), *flags]
    settings = {
        "training.batch_size": batch,
        "training.log_every": options.warm_up,
        "training.steps_per_call": options.warm_up,
        "training.checkpoint_every": 10**6,
        "grids.every": 10**6,
    }
    command += ["--set", *(f"{name}={value}" for name, value in settings.items()), *options.overrides]
    log = out.with_name(f"{out.name}.{core}.log").open("w")
    return subprocess.Popen(command, stdout=log, stderr=log)


def seconds(options: argparse.Namespace, runs: list[Path], processes: list[subprocess.Popen]) -> float:
    """Seconds from when all runs have finished the warm-up to when all have finished all steps."""
    marks = []
    for step in (options.warm_up, options.warm_up + options.steps):
        while not all(has_done(run, step) for run in runs):
            if any(process.poll() for process in processes):
                sys.exit(f"a run failed; see {runs[0].parent}")
            time.sleep(0.02)
        marks.append(time.perf_counter())
    for process in processes:
        process.wait()
    return marks[1] - marks[0]


def has_done(run: Path, step: int) -> bool:
    log = run / "metrics.jsonl"
    return log.exists() and f'"step": {step},' in log.read_text()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("config", help="config file")
    parser.add_argument("--batch", type=int, default=64, help="images per worker (default: 64)")
    parser.add_argument("--steps", type=int, default=60, help="steps to measure (default: 60)")
    parser.add_argument("--warm-up", type=int, default=10, help="steps before them (default: 10)")
    add_overrides(parser, "settings to change")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="scaling"))
    batch, images = options.batch, options.batch * options.steps
    with socket.create_server(("127.0.0.1", 0)) as a, socket.create_server(("127.0.0.1", 0)) as b:
        cluster = ",".join(f"127.0.0.1:{each.getsockname()[1]}" for each in (a, b))

    one = folder / "one"
    alone = images / seconds(options, [one], [start(options, one, 0, batch, [])])
    print(f"1 process, 1 core          {alone:8.1f} images/s", flush=True)
    runs = [folder / "left", folder / "right"]
    sides = [start(options, run, core, batch, []) for core, run in enumerate(runs)]
    apart = 2 * images / seconds(options, runs, sides)
    print(f"2 runs apart, 2 cores     {apart:8.1f} images/s, {apart / alone:.2f} times", flush=True)
    both = folder / "both"
    flags = [["--cluster", cluster, "--worker", str(worker)] for worker in range(2)]
    workers = [start(options, both, core, 2 * batch, flags[core]) for core in range(2)]
    together = 2 * images / seconds(options, [both], workers)
    print(f"2 workers, 2 cores         {together:8.1f} images/s, {together / alone:.2f} times", flush=True)
    shutil.rmtree(folder)  # kept if a run fails, for its log


if __name__ == "__main__":
    main()
