"""How fast a training step is, compared with PyTorch on the same nets, and how much of a run is the step.

    python benchmarks/step_speed.py --torch PYTHON_OF_AN_ENVIRONMENT_WITH_PYTORCH --json speed.json
    python benchmarks/step_speed.py --torch ... --profile 64

Nets: the DCGAN with batch normalisation, 64 channels next to the images, batches of 64, binary cross-entropy
(non-saturating for the generator), Adam at 2e-4 with beta1 0.5. Both sides make new fakes for each net's
update, and see reals and fakes in two batches. Before anything is timed, both sides must have as many
parameters, initial weights of the same spread, and, from the same weights, the same losses for 3 steps.

Each variant has a process of its own, which stays alive and makes steps when it is its turn; each round
begins with a different variant. Two more processes measure the peak: the fastest product of 2048x2048
matrices, in each precision, of TensorFlow or PyTorch, whichever is faster. Prints tables in Markdown: images
per second (median, lowest and highest round), ratios to PyTorch's best (of the same round), the step's FLOPs
per second as a share of the peak of its precision, and the peak resident memory, with the part that importing
took.
A step's FLOPs are those of `facegan info`, on both sides.

Then a real run trains for --run-seconds with logs, grids and a checkpoint, and the share of its time outside
the compiled calls is printed. Run it on a quiet machine. All rounds are in the JSON file.
"""

import argparse
import itertools
import json
import os
import platform
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from step_process import StepProcess

from facegan_tf.common.cores import available_cores

PRECISIONS = ("float32", "bfloat16")
OURS = (("train_on_batch", "float32"), ("compiled", "float32"), ("compiled", "bfloat16"))
TORCH = tuple(
    itertools.product(("eager", "channels_last", "compile", "compile_channels_last"), PRECISIONS),
)
CHECKED_STEPS = 3
LOSS_TOLERANCE = 2e-3
CHECKED_EPSILON = 0.1
"""Adam's epsilon in the checked steps: the usual one turns rounding of gradients near 0 into whole steps."""
SPREAD_TOLERANCE = 0.2
"""Relative; there are only a few hundred scales."""
MOST_OPERATIONS = 15


@dataclass
class Measured:
    """A variant at one size, and what was measured of it."""

    library: str
    variant: str
    precision: str
    process: StepProcess
    imported_mib: float = 0.0
    steps: int = 1
    """Number of steps in a round."""
    images_per_second: list[float] = field(default_factory=list)
    peak_mib: float = 0.0

    @property
    def name(self) -> str:
        return f"{self.library}, {self.variant}, {self.precision}"

    @property
    def median(self) -> float:
        """Images per second."""
        return statistics.median(self.images_per_second)

    def ratios(self, other: "Measured") -> list[float]:
        """How many times as fast this is as the other, by round."""
        return [
            ours / others
            for ours, others in zip(self.images_per_second, other.images_per_second, strict=True)
        ]


class Side:
    """Starts the processes of one library."""

    def __init__(self, options: argparse.Namespace, library: str):
        self.options, self.library = options, library

    def start(
        self, size: int, variant: str, precision: str, inter: int = 0, epsilon: float = 1e-8
    ) -> StepProcess:
        """inter: operations that TensorFlow may run at once; 0: its default. epsilon: Adam's."""
        arguments = {
            "size": size,
            "width": self.options.width,
            "batch": self.options.batch,
            "threads": self.options.threads,
            "variant": variant,
            "precision": precision,
            "epsilon": epsilon,
        }
        if self.library == "ours":
            root = str(Path(__file__).parents[1])
            path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
            arguments["inter"] = inter
            return StepProcess(sys.executable, "tensorflow_step.py", arguments, {"PYTHONPATH": path})
        return StepProcess(self.options.torch, "torch_step.py", arguments, {})


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--torch", metavar="PYTHON", help="Python of an environment with PyTorch and NumPy")
    parser.add_argument("--sizes", type=int, nargs="+", default=[32, 64, 128], help="pixels, powers of 2")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each variant (default: 5)")
    parser.add_argument("--seconds", type=float, default=10, help="about how long a turn is (default: 10)")
    parser.add_argument("--run-seconds", type=float, default=60, help="length of the real runs; 0: none")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--width", type=int, default=64, help="channels next to the images")
    parser.add_argument("--threads", type=int, default=available_cores(), help="default: as many as cores")
    parser.add_argument("--profile", type=int, metavar="SIZE", help="print times by operation instead")
    parser.add_argument("--json", type=Path, help="file for all figures")
    options = parser.parse_args()
    sides = [Side(options, "ours"), *([Side(options, "PyTorch")] if options.torch else [])]
    found: dict[str, Any] = {"machine": machine(sides, options)}
    print("\n".join(f"- {name}: {value}" for name, value in found["machine"].items()))
    if options.profile:
        found["profile"] = profile(sides, options.profile)
    else:
        found["sizes"] = [measure(sides, size) for size in options.sizes]
    found["machine"]["load average at the end"] = round(os.getloadavg()[0], 1)
    print(f"\nLoad average at the end: {found['machine']['load average at the end']}")
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")


def machine(sides: list[Side], options: argparse.Namespace) -> dict[str, Any]:
    """What the figures depend on."""
    found: dict[str, Any] = {"processor": processor(), "threads": options.threads}
    for side in sides:
        process = side.start(32, "none", "float32")
        found |= process.ask("versions")
        process.close()
    found |= {"width": options.width, "batch": options.batch, "Python": platform.python_version()}
    return found | {"load average at the start": round(os.getloadavg()[0], 1)}


def processor() -> str:
    """The processor's name, and the instructions that matter here."""
    info = Path("/proc/cpuinfo")
    if not info.exists():
        return platform.processor()
    fields = dict(line.split(":", 1) for line in info.read_text().splitlines() if ":" in line)
    fields = {name.strip(): value.strip() for name, value in fields.items()}
    wanted = ("avx2", "avx512f", "avx512_bf16", "amx_bf16")
    flags = " ".join(flag for flag in wanted if flag in fields.get("flags", "").split())
    name, family, model = (fields.get(key) for key in ("model name", "cpu family", "model"))
    return f"{name}, family {family}, model {model}: {flags}"


def check_same(sides: list[Side], size: int) -> dict[str, Any]:
    """Exit if the nets, their initial weights or three steps of both sides differ. Return our description."""
    ours = sides[0].start(size, "train_on_batch", "float32", epsilon=CHECKED_EPSILON)
    ours_said = ours.ask("describe")
    if len(sides) > 1:
        theirs = sides[1].start(size, "eager", "float32", epsilon=CHECKED_EPSILON)
        theirs_said = theirs.ask("describe")
        if ours_said["parameters"] != theirs_said["parameters"]:
            sys.exit(f"the nets differ: {ours_said['parameters']} and {theirs_said['parameters']} parameters")
        for name, value in ours_said["initial"].items():
            if abs(theirs_said["initial"][name] / value - 1) > SPREAD_TOLERANCE:
                sys.exit(f"the initial {name} differ: {ours_said['initial']} and {theirs_said['initial']}")
        with tempfile.TemporaryDirectory() as folder:
            file = str(Path(folder) / "weights.npz")
            of_ours = ours.ask("reference", file=file, count=CHECKED_STEPS)["losses"]
            of_theirs = theirs.ask("compare", file=file, count=CHECKED_STEPS)["losses"]
        pairs = zip(itertools.chain(*of_ours), itertools.chain(*of_theirs), strict=True)
        differences = [abs(b / a - 1) for a, b in pairs]
        worst = max(differences)
        if not all(each <= LOSS_TOLERANCE for each in differences):  # NaN too
            sys.exit(f"the losses of {CHECKED_STEPS} steps differ by {worst:.1e}: {of_ours} and {of_theirs}")
        print(f"\nSame nets at {size} pixels: {ours_said['parameters']} parameters; ", end="")
        print(f"losses of {CHECKED_STEPS} steps from the same weights differ by at most {worst:.0e}")
        theirs.close()
    ours.close()
    return ours_said


def measure(sides: list[Side], size: int) -> dict[str, Any]:
    """Everything about one size of image."""
    options = sides[0].options
    flops = check_same(sides, size)["flops"]
    with ExitStack() as stack:
        gemms = {side.library: side.start(size, "none", "float32") for side in sides}
        for process in gemms.values():
            stack.callback(process.close)
        variants = list(started(sides, size, options, stack))
        rates: dict[str, list[float]] = {precision: [] for precision in PRECISIONS}
        for number in range(options.rounds):
            for precision in PRECISIONS:
                asked = (each.ask("gemm", precision=precision, repeats=20) for each in gemms.values())
                rates[precision].append(max(answer["flops"] for answer in asked))
            first = number % len(variants)
            for each in variants[first:] + variants[:first]:
                seconds = each.process.ask("steps", count=each.steps)["seconds"]
                each.images_per_second.append(each.steps * options.batch / seconds)
        for each in variants:
            each.peak_mib = each.process.ask("memory")["peak"]
    peaks = {precision: statistics.median(values) for precision, values in rates.items()}
    print_speeds(size, variants, flops / options.batch, peaks)
    runs = measure_runs(sides[0], size, variants) if options.run_seconds else {}
    return {
        "size": size,
        "flops_per_step": flops,
        "gemm_flops": rates,
        "variants": [
            {"name": each.name, "images_per_second": each.images_per_second, "steps": each.steps}
            | {"imported_mib": each.imported_mib, "peak_mib": each.peak_mib}
            for each in variants
        ],
        "runs": runs,
    }


def started(
    sides: list[Side], size: int, options: argparse.Namespace, stack: ExitStack
) -> Iterator[Measured]:
    """All variants, traced and compiled; one that does not start is named and left out."""
    for side in sides:
        for variant, precision in OURS if side.library == "ours" else TORCH:
            process = side.start(size, variant, precision)
            stack.callback(process.close)
            measured = Measured(side.library, variant, precision, process)
            try:
                measured.imported_mib = process.ask("describe")["imported_mib"]
                process.ask("steps", count=2)
                each = process.ask("steps", count=2)["seconds"] / 2
            except RuntimeError as error:
                print(f"\n{measured.name} fails and is left out: {str(error).strip().splitlines()[-1]}")
                continue
            measured.steps = max(1, round(options.seconds / each))
            yield measured


def print_speeds(size: int, variants: list[Measured], flops: float, peaks: dict[str, float]) -> None:
    """flops: those of a step, per image. peaks: FLOPs per second by precision."""
    theirs = [each for each in variants if each.library == "PyTorch"]
    best = max(theirs, key=lambda each: each.median, default=None)
    peak = ", ".join(f"{name} {value / 1e9:,.0f} GFLOP/s" for name, value in peaks.items())
    print(f"\n### {size} pixels\n\n{flops / 1e9:.3f} GFLOP an image. GEMM peak: {peak}.\n")
    print("| variant | images/s | lowest to highest | x PyTorch's best | share of peak | peak MiB (import) |")
    print("|---|---|---|---|---|---|")
    for each in variants:
        speeds = each.images_per_second
        cells = [
            each.name,
            f"{each.median:,.0f}",
            f"{min(speeds):,.0f} to {max(speeds):,.0f}",
            "" if best is None else spread(each.ratios(best)),
            f"{100 * each.median * flops / peaks[each.precision]:.0f} %",
            f"{each.peak_mib:,.0f} ({each.imported_mib:,.0f})",
        ]
        print(f"| {' | '.join(cells)} |")
    if best is not None:
        ours = max((each for each in variants if each.library == "ours"), key=lambda each: each.median)
        print(f"\nBest: {ours.name}: {spread(ours.ratios(best))} x {best.name}; target 1.2.")


def spread(values: list[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def measure_runs(side: Side, size: int, variants: list[Measured]) -> dict[str, Any]:
    """Real runs in each precision: the time outside the compiled calls, and the speed."""
    found = {}
    print("\n| real run | steps | outside the compiled calls | images/s | x compiled, inputs ready |")
    print("|---|---|---|---|---|")
    for each in (each for each in variants if each.library == "ours" and each.variant == "compiled"):
        a_second = each.median / side.options.batch  # in steps: about as many as a run's calls have
        count = max(20, round(side.options.run_seconds * a_second))
        process = side.start(size, "none", each.precision)
        lengths = {"count": count, "steps_per_call": max(2, round(a_second))}
        run = found[each.precision] = process.ask("run", **lengths)
        process.close()
        outside = f"{100 * (1 - run['inside'] / run['seconds']):.1f} %; target under 2 %"
        speed = run["steps"] * side.options.batch / run["seconds"]
        print(f"| {each.precision} | {run['steps']} | {outside} | {speed:,.0f} | {speed / each.median:.2f} |")
    return found


def profile(sides: list[Side], size: int) -> dict[str, Any]:
    """Times of the step by operation, and speeds of its convolutions one by one."""
    found: dict[str, Any] = {}
    convolutions: dict[str, dict[str, float]] = {}
    for side in sides:
        for precision in PRECISIONS:
            variant = "compiled" if side.library == "ours" else "channels_last"
            # One operation at a time, so that times add up.
            process = side.start(size, variant, precision, inter=1)
            process.ask("steps", count=3)
            seconds = process.ask("steps", count=5)["seconds"] / 5
            times = process.ask("profile", count=5)["milliseconds"]
            name = f"{side.library}, {variant}, {precision}"
            found[name] = {"step_ms": 1000 * seconds, "operations_ms": times}
            print(f"\n### {name}, {size} pixels: {1000 * seconds:.1f} ms a step\n")
            print("| operation | ms a step | share |\n|---|---|---|")
            for kind, value in sorted(times.items(), key=lambda item: -item[1])[:MOST_OPERATIONS]:
                print(f"| {kind} | {value:.1f} | {100 * value / sum(times.values()):.0f} % |")
            options = {"batch": side.options.batch, "width": side.options.width, "repeats": 10}
            asked = process.ask("convolutions", size=size, precision=precision, **options)
            convolutions[f"{side.library}, {precision}"] = asked["flops"]
            process.close()
    print(f"\n### Convolutions of {size} pixels, GFLOP/s\n")
    print(f"| convolution | {' | '.join(convolutions)} |\n|---|{'---|' * len(convolutions)}")
    for name in next(iter(convolutions.values())):
        cells = (f"{each[name] / 1e9:,.0f}" if name in each else "" for each in convolutions.values())
        print(f"| {name} | {' | '.join(cells)} |")
    return found | {"convolutions": convolutions}


if __name__ == "__main__":
    main()
