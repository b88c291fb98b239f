"""Measure how much load `facegan serve` can take: requests per second, latencies and memory.

    python benchmarks/serving_load.py outputs/quickstart --seconds 60

It first measures the bare generator, by batch size, and then runs `wrk` (Debian's package wrk) with several
numbers of connections: `/faces/N.png` with random seeds, and `:predict` of 16 faces as pixels. With
`--requests N` it then makes N requests and shows how memory grows.
"""

import argparse
import contextlib
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil

SCRIPTS = {
    "/faces/N.png": """
request = function() return wrk.format("GET", "/faces/" .. math.random(0, 2000000000) .. ".png") end
""",
    ":predict of 16": """
request = function()
  local seeds = {}
  for place = 1, 16 do seeds[place] = math.random(0, 2000000000) end
  local inputs = '{"truncation": 1.0, "seeds": [' .. table.concat(seeds, ",") .. ']}'
  local body = '{"signature_name": "sample", "inputs": ' .. inputs .. '}'
  return wrk.format("POST", "/v1/models/faces:predict", nil, body)
end
""",
}
"""What wrk requests, in Lua; each thread has different random numbers."""
SEEDED = """
local threads = 0
function setup(thread) threads = threads + 1; thread:set("number", threads) end
function init() math.randomseed(os.time() + number) end
"""
FACES = {"/faces/N.png": 1, ":predict of 16": 16}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", type=Path, help="a run directory or an exported SavedModel")
    parser.add_argument("--seconds", type=int, default=60, help="length of each measurement (default: 60)")
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 8, 64])
    parser.add_argument(
        "--requests", type=int, default=0, help="then make this many requests and watch the memory"
    )
    options = parser.parse_args()
    best = bare_speed(options.model)
    with serving(options.model) as (address, process):
        print(
            f"{'requests':16} {'connections':>11} {'per s':>8} {'faces/s':>8} {'of bare':>8} "
            f"{'p50':>9} {'p99':>9} {'not 200':>8} {'peak MiB':>9}"
        )
        for name in SCRIPTS:
            for connections in options.connections:
                measure(name, connections, options.seconds, address, process, best)
        if options.requests:
            watch_memory(options.requests, address, process)


def bare_speed(model: Path) -> float:
    """Faces per second of the generator alone, at its best batch size, in its own process."""
    code = f"""
import time
from facegan_tf.common.tensorflow_start import start_tensorflow
start_tensorflow()
from facegan_tf import load_generator
import numpy as np
generator = load_generator({str(model)!r})
for batch in (1, 2, 4, 8, 16, 32):
    latents = np.random.default_rng(0).normal(size=(batch, generator.latent_dim)).astype("float32")
    generator._draw(latents=latents)
    started, count = time.perf_counter(), 0
    while time.perf_counter() - started < 2:
        generator._draw(latents=latents)["images"].numpy()
        count += batch
    print(batch, count / (time.perf_counter() - started), flush=True)
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    speeds = dict(line.split() for line in done.stdout.splitlines())
    print(
        "bare generator, faces/s by batch size:", ", ".join(f"{b}: {float(s):.0f}" for b, s in speeds.items())
    )
    return max(map(float, speeds.values()))


@contextlib.contextmanager
def serving(model: Path) -> Iterator[tuple[str, psutil.Process]]:
    """Run `facegan serve` in the block; yield its address and its process."""
    command = [sys.executable, "-m", "facegan_tf", "serve", str(model), "--port", "0"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield server.stdout.readline().strip(), psutil.Process(server.pid)
    finally:
        server.terminate()
        server.wait()


def measure(
    name: str, connections: int, seconds: int, address: str, process: psutil.Process, best: float
) -> None:
    """Run wrk, and print a line with what it measured; only successful responses count."""
    wait_for_empty_queue(address)
    Path(f"/proc/{process.pid}/clear_refs").write_text("5")  # resets the peak
    output = wrk(name, connections, seconds, address)
    bad = int(found[1]) if (found := re.search(r"Non-2xx or 3xx responses: (\d+)", output)) else 0
    requests = (int(re.search(r"(\d+) requests in", output)[1]) - bad) / seconds
    faces = requests * FACES[name]
    failed = re.search(r"Socket errors: (.*)", output)
    peak = int(re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{process.pid}/status").read_text())[1]) / 1024
    print(
        f"{name:16} {connections:>11} {requests:>8.1f} {faces:>8.1f} {faces / best:>8.2f} "
        f"{percentile(output, 50):>9} {percentile(output, 99):>9} {bad:>8} {peak:>9.0f}"
        + (f"  {failed[0]}" if failed else ""),
        flush=True,
    )


def wait_for_empty_queue(address: str) -> None:
    """Wait until the server has drawn all that the last measurement asked for, even if nobody waits."""
    deadline = time.monotonic() + 60
    while not re.search(r"^facegan_queue_faces 0\.0$", metrics(address), re.MULTILINE):
        if time.monotonic() > deadline:
            sys.exit("the server's queue isn't empty after a minute")
        time.sleep(0.1)


def metrics(address: str) -> str:
    with urllib.request.urlopen(f"{address}/metrics") as answer:
        return answer.read().decode()


def wrk(name: str, connections: int, seconds: int, address: str) -> str:
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(SEEDED + SCRIPTS[name])
        script.flush()
        threads = str(min(2, connections))
        command = [
            "wrk",
            "-t",
            threads,
            "-c",
            str(connections),
            "-d",
            f"{seconds}s",
            "--latency",
            "--timeout",
            "60s",
        ]
        return subprocess.run(
            [*command, "-s", script.name, address], check=True, capture_output=True, text=True, env=os.environ
        ).stdout


def percentile(output: str, percent: int) -> str:
    return re.search(rf"^\s+{percent}%\s+(\S+)", output, re.MULTILINE)[1]


def watch_memory(requests: int, address: str, process: psutil.Process) -> None:
    """Make requests, and print the memory after 1,000 of them and after each tenth of the total."""
    done, marks = 0, [1000, *range(requests // 10, requests + 1, requests // 10)]
    started = time.monotonic()
    while marks:
        output = wrk("/faces/N.png", 8, 5, address)
        done += int(re.search(r"(\d+) requests in", output)[1])
        while marks and done >= marks[0]:
            marks.pop(0)
            memory = process.memory_info().rss / 2**20
            print(f"{done:>9,} requests: {memory:.0f} MiB, {time.monotonic() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
