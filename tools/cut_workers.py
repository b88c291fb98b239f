"""Train on two hosts (network namespaces with their own addresses) and disturb them in every way.

    sudo python tools/cut_workers.py configs/quickstart.yaml --set data.source=synthetic:500

Each case trains with two workers, disturbs one of them (kill -9, kill -STOP, SIGTERM) or the link (cut it, or
delay it by 50 ms), prints after how many seconds each worker exited and with which code, resumes the run, and
compares its end with that of an undisturbed run. Needs Linux, root, and iproute2.
"""

import argparse
import contextlib
import fcntl
import json
import os
import queue
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from new_folder import new_folder

from facegan_tf.commands.arguments import add_overrides

DELAYED = "50 ms of delay"
DELAY = 0.05
"""Seconds that each packet takes in that case."""
HOSTS = ("facegan0", "facegan1")
ADDRESSES = ("10.73.0.1", "10.73.0.2")
PORT = 8888
LINK = "facegan"
"""Name of each host's network device."""
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
"""Linux's numbers for making a tunnel: linux/if_tun.h."""
PATIENCE = 300
"""Seconds to wait for the first worker to exit; the others get 20 more."""


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)


def build_network(delayed: bool = False) -> None:
    """Two hosts with a link: a pair of virtual Ethernet devices, or a tunnel that delays packets."""
    remove_network()
    for host in HOSTS:
        ip("netns", "add", host)
        ip("-n", host, "link", "set", "lo", "up")
    if delayed:
        start_delayed_link()
    else:
        ip("link", "add", LINK, "netns", HOSTS[0], "type", "veth", "peer", "name", LINK, "netns", HOSTS[1])
    for host, address in zip(HOSTS, ADDRESSES, strict=True):
        ip("-n", host, "address", "add", f"{address}/24", "dev", LINK)
        ip("-n", host, "link", "set", LINK, "up")


def start_delayed_link() -> None:
    """A tunnel between the hosts through this process, since not every kernel has `tc netem`."""
    ends = []
    for host in HOSTS:
        end = os.open("/dev/net/tun", os.O_RDWR)
        fcntl.ioctl(end, TUNSETIFF, struct.pack("16sH", LINK.encode(), IFF_TUN | IFF_NO_PI))
        ip("link", "set", LINK, "netns", host)
        ends.append(end)
    for source, target in (ends, ends[::-1]):
        packets: queue.Queue[tuple[float, bytes]] = queue.Queue()
        threading.Thread(target=receive, args=(source, packets), daemon=True).start()
        threading.Thread(target=deliver, args=(packets, target), daemon=True).start()


def receive(source: int, packets: queue.Queue) -> None:
    with contextlib.suppress(OSError):  # the host was removed
        while packet := os.read(source, 2**16):
            packets.put((time.monotonic() + DELAY, packet))


def deliver(packets: queue.Queue, target: int) -> None:
    while True:
        due, packet = packets.get()
        time.sleep(max(0.0, due - time.monotonic()))
        with contextlib.suppress(OSError):  # the host is not up yet, or was removed
            os.write(target, packet)


def remove_network() -> None:
    for host in HOSTS:
        subprocess.run(["ip", "netns", "delete", host], stderr=subprocess.DEVNULL, check=False)


def bytes_sent() -> int:
    """Bytes that the two hosts have sent to each other."""
    total = 0
    for host in HOSTS:
        shown = subprocess.run(
            ["ip", "-n", host, "-s", "-j", "link", "show", LINK], capture_output=True, check=True
        )
        total += json.loads(shown.stdout)[0]["stats64"]["tx"]["bytes"]
    return total


class Job:
    """Two workers of one run."""

    def __init__(self, options: argparse.Namespace, out: Path):
        self.out, self.began = out, time.monotonic()
        cluster = ",".join(f"{address}:{PORT}" for address in ADDRESSES)
        self.workers = []
        for worker, host in enumerate(HOSTS):
            command = ["ip", "netns", "exec", host, sys.executable, "-m", "facegan_tf", "train"]
            command += [options.config, "--out", str(out), "--resume", "--steps", str(options.steps)]
            command += ["--cluster", cluster, "--worker", str(worker), "--set", *options.overrides]
            log = out.with_name(f"{out.name}.{worker}.log").open("a")
            self.workers.append(subprocess.Popen(command, stdout=log, stderr=log))

    def wait_for_step(self, step: int) -> None:
        log = self.out / "metrics.jsonl"
        while not (log.exists() and f'"step": {step},' in log.read_text()):
            if any(worker.poll() is not None for worker in self.workers):
                sys.exit(f"{self.out}: a worker exited too early; see {self.out}.*.log")
            time.sleep(0.05)

    def leave(self, since: float) -> str:
        """Wait until all workers have exited; return when each did, and with which code, as text."""
        left: dict[int, float] = {}
        deadline = since + PATIENCE
        while len(left) < len(self.workers) and time.monotonic() < deadline:
            for number, worker in enumerate(self.workers):
                if number not in left and worker.poll() is not None:
                    left[number] = time.monotonic() - since
                    deadline = min(deadline, time.monotonic() + 20)
            time.sleep(0.02)
        for worker in self.workers:
            if worker.poll() is None:
                worker.send_signal(signal.SIGKILL)
                worker.wait()
        return ", ".join(
            f"worker {number} exited after {left[number]:.1f} s with code {worker.returncode}"
            if number in left
            else f"worker {number} did not exit by itself"
            for number, worker in enumerate(self.workers)
        )

    def send(self, worker: int, signum: signal.Signals) -> None:
        self.workers[worker].send_signal(signum)  # `ip netns exec` becomes the command


def link(state: str) -> None:
    ip("-n", HOSTS[1], "link", "set", LINK, state)


CASES: dict[str, Callable[[Job], None]] = {
    "kill -9 worker 1": lambda job: job.send(1, signal.SIGKILL),
    "kill -9 worker 0": lambda job: job.send(0, signal.SIGKILL),
    "kill -STOP worker 1": lambda job: job.send(1, signal.SIGSTOP),
    "link cut": lambda _: link("down"),
    "SIGTERM to worker 1": lambda job: job.send(1, signal.SIGTERM),
    DELAYED: lambda _: None,
}


def end_of(run: Path) -> tuple[str, str]:
    """The hash of the weights, and the losses of all steps."""
    shown = subprocess.run(
        [sys.executable, "-m", "facegan_tf", "info", str(run), "--json"], capture_output=True, check=True
    )
    return json.loads(shown.stdout)["weights_sha256"], (run / "metrics.jsonl").read_text()


def train_undisturbed(options: argparse.Namespace, out: Path) -> None:
    build_network()
    job = Job(options, out)
    job.wait_for_step(10)
    before, since = bytes_sent(), time.monotonic()
    job.wait_for_step(options.steps)
    a_step = (bytes_sent() - before) / (options.steps - 10)
    milliseconds = 1000 * (time.monotonic() - since) / (options.steps - 10)
    print(f"{'undisturbed':20} {job.leave(time.monotonic())}")
    print(f"{'':20} {a_step:,.0f} bytes a step between the hosts, {milliseconds:.1f} ms a step", flush=True)


def run_case(options: argparse.Namespace, name: str, undisturbed: Path) -> bool:
    out = options.out / name.replace(" ", "_")
    build_network(delayed=name == DELAYED)
    job = Job(options, out)
    job.wait_for_step(options.steps // 2)
    since = time.monotonic()
    CASES[name](job)
    print(f"{name:20} {job.leave(since)}", flush=True)
    if name == DELAYED:
        print(f"{'':20} the second half of the steps took {time.monotonic() - since:.0f} s", flush=True)
    build_network()  # the link works again
    if any(worker.returncode for worker in job.workers):
        resumed = Job(options, out)
        print(f"{'':20} resumed: {resumed.leave(time.monotonic())}", flush=True)
    same = end_of(out) == end_of(undisturbed)
    print(f"{'':20} {'ends as' if same else 'DIFFERS FROM'} the undisturbed run", flush=True)
    return same


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("config", help="config file")
    parser.add_argument("--steps", type=int, default=100, help="steps of each run (default: 100)")
    out = "new folder for all runs (default: outputs/cut_workers)"
    parser.add_argument("--out", type=new_folder, default="outputs/cut_workers", help=out)
    cases = "what to do to the workers and the link (default: all)"
    parser.add_argument("--cases", nargs="+", choices=list(CASES), default=list(CASES), help=cases)
    add_overrides(parser, "settings to change")
    options = parser.parse_args()
    if os.geteuid():
        sys.exit("needs root, to make network namespaces")
    options.out.mkdir(parents=True, exist_ok=True)
    options.overrides = ["training.log_every=1", *options.overrides]
    undisturbed = options.out / "undisturbed"
    try:
        train_undisturbed(options, undisturbed)
        same = [run_case(options, name, undisturbed) for name in options.cases]
    finally:
        remove_network()
    return not all(same)


if __name__ == "__main__":
    sys.exit(main())
