"""Train the same config on one device, on several, and in several processes, and compare every step.

    python tools/compare_devices.py configs/dcgan32_smooth.yaml --steps 50 --set data.source=photos.zip

Prints, for each way to train, the largest relative difference of any loss at any step from one device's, the
step at which it first exceeds 1e-5, and the largest difference of the weights at the end. Several devices add
up sums in a different order, and a GAN amplifies the last bits: one device with a different number of threads
shows how much. With --float64, the last bits are so small that any other difference would stand out.
"""

import argparse
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

from new_folder import new_folder

from facegan_tf.commands.arguments import add_overrides

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
ONE = "1 device"
WAYS: dict[str, tuple[list[str], int, dict[str, str]]] = {
    ONE: ([], 1, {}),
    "1 device, 1 thread": ([], 1, {"TF_NUM_INTRAOP_THREADS": "1"}),
    "cpu:1": (["--devices", "cpu:1"], 1, {}),
    "cpu:2": (["--devices", "cpu:2"], 1, {}),
    "cpu:4": (["--devices", "cpu:4"], 1, {}),
    "2 processes": ([], 2, {}),
    "3 processes": ([], 3, {}),
}
"""Flags, processes and environment of each way to train."""


def free_addresses(count: int) -> str:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    addresses = [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]
    for each in sockets:
        each.close()
    return ",".join(addresses)


def train(options: argparse.Namespace, way: str) -> Path:
    flags, processes, environment = WAYS[way]
    out = options.out / way.replace(" ", "_").replace(":", "_").replace(",", "")
    overrides = ["training.log_every=1", "training.steps_per_call=10", *options.overrides]
    command = [sys.executable, "-m", "facegan_tf", "train", options.config, "--out", out]
    command += ["--steps", options.steps, "--set", *overrides, "--resume", *flags]
    cluster = free_addresses(processes)
    started = []
    for worker in range(processes):
        own = ["--cluster", cluster, "--worker", worker] if processes > 1 else []
        log = (options.out / f"{out.name}.{worker}.log").open("w")
        started.append(
            subprocess.Popen(
                [str(part) for part in (*command, *own)], stdout=log, stderr=log, env=os.environ | environment
            )
        )
    if max(process.wait() for process in started):
        sys.exit(f"{way}: failed; see {options.out}/{out.name}.*.log")
    return out


def losses(run: Path) -> list[dict[str, float]]:
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if k not in ("step", "images")} for line in lines]


def worst_of_losses(one: Path, other: Path) -> tuple[float, int | None]:
    """The largest relative difference, and the first step with one above 1e-5."""
    worst, first = 0.0, None
    for step, (wanted, found) in enumerate(zip(losses(one), losses(other), strict=True), start=1):
        difference = max(abs(found[name] - wanted[name]) / max(abs(wanted[name]), 1e-12) for name in wanted)
        worst = max(worst, difference)
        if difference > 1e-5 and first is None:
            first = step
    return worst, first


def worst_of_weights(one: Path, other: Path) -> float:
    """The largest difference of any weight of either net, relative to the largest weight of its tensor."""
    import numpy as np

    from facegan_tf.run.restore import restore_run

    nets = [[gan.generator, gan.discriminator] for gan, _ in map(restore_run, (one, other))]
    pairs = zip(*([w for net in each for w in net.get_weights()] for each in nets), strict=True)
    return max(float(np.abs(b - a).max() / max(np.abs(a).max(), 1e-12)) for a, b in pairs)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("config", help="config file")
    parser.add_argument("--steps", type=int, default=50, help="steps of each run (default: 50)")
    out = "new folder for all runs (default: outputs/compare_devices)"
    parser.add_argument("--out", type=new_folder, default="outputs/compare_devices", help=out)
    ways = "ways to train (default: all)"
    parser.add_argument("--ways", nargs="+", choices=list(WAYS), default=list(WAYS), help=ways)
    parser.add_argument("--float64", action="store_true", help="compute in float64, several times as slowly")
    add_overrides(parser, "settings to change")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    if options.float64:  # Keras reads its floatx from there, here and in the runs
        (options.out / "keras.json").write_text('{"floatx": "float64"}')
        os.environ["KERAS_HOME"] = str(options.out.absolute())
    one = train(options, ONE)
    print(f"{'':20} {'losses':>9}  {'above 1e-5 from':>15}  {'weights':>9}")
    for way in options.ways:
        if way != ONE:
            run = train(options, way)
            worst, first = worst_of_losses(one, run)
            since = f"step {first}" if first else "never"
            print(f"{way:20} {worst:9.1e}  {since:>15}  {worst_of_weights(one, run):9.1e}", flush=True)


if __name__ == "__main__":
    main()
