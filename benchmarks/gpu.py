"""Speed of the recipes of 64 and 128 pixels on a GPU, and whether it computes what the CPU does.

    python benchmarks/gpu.py --json gpu.json

Takes ten minutes at most (--minutes), and names what it has not reached by then. Two parts, for each recipe:

1. Equality. From the same weights and inputs, 3 steps in float32 on the CPU, on the GPU, and on the GPU with
   XLA, with TF32 off: the losses must agree to 1e-2. In bfloat16 they must agree with the CPU's float32
   losses to 0.2. Dropout is off here, because XLA draws it from different random numbers. Exits with 1 if
   they don't agree.
2. Speed. Images per second in compiled steps, in float32 (with TF32, TensorFlow's default) and bfloat16, with
   and without XLA, in batches of 16 to 512, and the FLOPs per second as a share of the bfloat16 peak: the
   fastest product of 8192x8192 matrices, measured first. Batches of 128 and 512 come first.

Prints tables in Markdown. `--device CPU` tries the script itself on a machine without a GPU.
"""

import argparse
import gc
import itertools
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")

import keras
import numpy as np
import tensorflow as tf

from facegan_tf.config.load import load_config
from facegan_tf.config.settings import Config
from facegan_tf.model.build import build_gan
from facegan_tf.model.compiled_steps import CompiledSteps
from facegan_tf.model.costs import step_costs
from facegan_tf.model.step_inputs import StepInputs
from facegan_tf.training.train import set_graph_options

CONFIGS = Path(__file__).parents[1] / "configs"
RECIPES = ("dcgan64_sgd", "celeba64_cpu", "dcgan128", "celeba128")
BATCHES = (128, 512, 64, 256, 32, 16)
"""In the order of measuring; the last ones are left out if time runs out."""
GEMM_SIZE = 8192
CHECKED_STEPS, CHECKED_BATCH = 3, 16
TOLERANCES = {"float32": 1e-2, "bfloat16": 0.2}
"""Largest relative differences of the losses.

Rounding decides the sign of the smallest gradients, and Adam's first step moves their weights as far as any.
"""
NO_DROPOUT = "networks.discriminator.dropout=0.0"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--recipes", nargs="+", default=RECIPES, choices=RECIPES)
    parser.add_argument("--batches", nargs="+", type=int, default=BATCHES)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seconds", type=float, default=2, help="length of each measurement (default: 2)")
    parser.add_argument("--gemm", type=int, default=GEMM_SIZE, help="side of the matrices of the peak")
    parser.add_argument("--device", choices=["GPU", "CPU"], default="GPU", help="CPU: to try this script")
    parser.add_argument("--json", type=Path, help="file for all figures")
    options = parser.parse_args()
    if not tf.config.list_physical_devices(options.device):
        sys.exit("TensorFlow sees no GPU here; check nvidia-smi, and install facegan_tf[gpu]")
    deadline = time.perf_counter() + 60 * options.minutes
    peak = {precision: gemm_flops(precision, options) for precision in ("float32", "bfloat16")}
    details = tf.config.experimental.get_device_details(tf.config.list_physical_devices(options.device)[0])
    device = details.get("device_name", options.device)
    print(f"{device}; TensorFlow {tf.__version__}, Keras {keras.__version__}; GEMM peak: ", end="")
    print(", ".join(f"{name} {value / 1e12:.3g} TFLOP/s" for name, value in peak.items()))
    found: dict[str, Any] = {"device": device, "gemm_flops": peak}
    found["equality"] = [
        difference(recipe, options.device, *way) for recipe in options.recipes for way in ways()
    ]
    print_equality(found["equality"])
    print("\n| recipe | precision | XLA | batch | images/s | share of bfloat16 peak |\n|" + 6 * "---|")
    found["speeds"] = []
    for batch, recipe, (precision, xla) in itertools.product(options.batches, options.recipes, ways()):
        row = {"recipe": recipe, "precision": precision, "xla": xla, "batch": batch}
        row |= speed(row, options, deadline, peak["bfloat16"])
        found["speeds"].append(row)
        rate, share = row.get("images_per_second"), row.get("share_of_peak")
        figures = f"{rate:,.0f} | {100 * share:.1f} %" if rate and share else f"{row['problem']} |"
        print(f"| {recipe} | {precision} | {on(xla)} | {batch} | {figures} |", flush=True)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")
    if any(row["difference"] > TOLERANCES[row["precision"]] for row in found["equality"]):
        sys.exit("the losses differ from the CPU's by more than the tolerance")


def ways() -> Iterator[tuple[str, bool]]:
    """(precision, whether XLA is on) of each way to compute a step."""
    return itertools.product(("float32", "bfloat16"), (False, True))


def on(xla: bool) -> str:
    return "on" if xla else "off"


def gemm_flops(precision: str, options: argparse.Namespace) -> float:
    """FLOPs per second of the fastest of several products of square matrices."""
    with tf.device(options.device):
        draw = tf.random.stateless_normal([2, options.gemm, options.gemm], [0, 0])
        left, right = tf.unstack(tf.cast(draw, precision))
        seconds = []
        for _ in range(10):
            began = time.perf_counter()
            tf.matmul(left, right)[0, 0].numpy()
            seconds.append(time.perf_counter() - began)
    return 2 * options.gemm**3 / min(seconds)


def recipe_config(recipe: str, precision: str, batch: int, xla: bool, *dropout: str) -> Config:
    """The recipe in this precision and batch size. dropout: `NO_DROPOUT`, or nothing for the recipe's own."""
    settings = [
        *dropout,
        f"training.precision={precision}",
        f"training.batch_size={batch}",
        f"training.jit={'true' if xla else 'false'}",
    ]
    return load_config(CONFIGS / f"{recipe}.yaml", settings)


def random_inputs(config: Config) -> StepInputs:
    """Inputs of one step, for a recipe with one update of the discriminator per step."""
    draw, batch, size = np.random.default_rng(0), config.training.batch_size, config.data.size
    reals = tf.constant(draw.uniform(-1, 1, (batch, size, size, 3)).astype(np.float32))
    shape = (batch, config.networks.latent_dim)
    latents = [tf.constant(draw.normal(size=shape).astype(np.float32)) for _ in range(2)]
    noise = tf.constant(draw.uniform(size=(2 * batch, 1)).astype(np.float32))
    return StepInputs(reals, *latents, noise, reals)


def losses(
    config: Config, device: str, weights: list[np.ndarray] | None
) -> tuple[np.ndarray, list[np.ndarray]]:
    """(losses of the first steps [K, 2], the weights that they began with: `weights`, if given)."""
    set_graph_options(config)  # as in `facegan train`
    with tf.device(device):
        gan, inputs = build_gan(config), random_inputs(config)
        learned = [variable for net in (gan.generator, gan.discriminator) for variable in net.weights]
        if weights is not None:
            for variable, value in zip(learned, weights, strict=True):
                variable.assign(value)
        start = [variable.numpy() for variable in learned]
        step = tf.function(gan.step_in_graph)
        found = [[float(term) for term in step(inputs).values()] for _ in range(CHECKED_STEPS)]
    return np.array(found), start


def difference(recipe: str, device: str, precision: str, xla: bool) -> dict[str, Any]:
    """The largest relative difference of a loss from the CPU's, which is in float32 without XLA."""
    before = tf.config.experimental.tensor_float_32_execution_enabled()
    tf.config.experimental.enable_tensor_float_32_execution(False)
    expected, weights = losses(
        recipe_config(recipe, "float32", CHECKED_BATCH, False, NO_DROPOUT), "CPU:0", None
    )
    config = recipe_config(recipe, precision, CHECKED_BATCH, xla, NO_DROPOUT)
    got, _ = losses(config, f"{device}:0", weights)
    tf.config.experimental.enable_tensor_float_32_execution(before)
    worst = float(np.max(np.abs(got - expected) / np.abs(expected)))
    return {"recipe": recipe, "precision": precision, "xla": xla, "difference": worst}


def print_equality(rows: list[dict[str, Any]]) -> None:
    print(
        "\n| recipe | precision | XLA | largest difference from the CPU's losses | allowed |\n|" + 5 * "---|"
    )
    for row in rows:
        allowed = TOLERANCES[row["precision"]]
        cells = [row["recipe"], row["precision"], on(row["xla"]), f"{row['difference']:.1e}", f"{allowed:g}"]
        print(f"| {' | '.join(cells)} |", flush=True)


def speed(row: dict[str, Any], options: argparse.Namespace, deadline: float, peak: float) -> dict[str, Any]:
    """Images per second and share of the peak, or the problem."""
    if time.perf_counter() > deadline:
        return {"problem": "not reached"}
    keras.backend.clear_session()
    gc.collect()
    config = recipe_config(row["recipe"], row["precision"], row["batch"], row["xla"])
    set_graph_options(config)
    try:
        with tf.device(options.device):
            gan = build_gan(config)
            steps = CompiledSteps(gan, iter(tf.data.Dataset.from_tensors(random_inputs(config)).repeat()))
            steps(2)  # traces and compiles
            began = time.perf_counter()
            steps(3)
            count = max(3, int(options.seconds / (time.perf_counter() - began) * 3))
            began = time.perf_counter()
            steps(count)
            seconds = time.perf_counter() - began
    except tf.errors.ResourceExhaustedError:
        return {"problem": "out of memory"}
    flops = count * step_costs(gan, row["batch"]).flops / seconds
    return {"images_per_second": count * row["batch"] / seconds, "share_of_peak": flops / peak}


if __name__ == "__main__":
    main()
