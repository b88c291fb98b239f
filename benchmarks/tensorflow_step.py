"""Our side of step_speed.py: the steps of a DCGAN, timed in a process of its own.

Not to be started by hand. The reals are random noise, ready in memory, as PyTorch's are.
"""

import argparse
import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # as in `facegan train`

import keras
import numpy as np
import tensorflow as tf
from step_process import memory_mib, serve

import facegan_tf.training.loop as loop
from facegan_tf.config.settings import Config
from facegan_tf.model.build import build_gan
from facegan_tf.model.compiled_steps import CompiledSteps
from facegan_tf.model.costs import step_costs, trainable_parameters
from facegan_tf.model.step_inputs import StepInputs
from facegan_tf.training.train import set_graph_options, train

GEMM_SIZE = 2048
LATENTS = 100
RUN_WARM_UP = 12
"""Steps of a run before its clock starts: the first ones trace the graph and find the pace."""


def dcgan_config(options: argparse.Namespace, **training: Any) -> Config:
    """The DCGAN of these options: `size` pixels, `width` channels in the layers next to the images."""
    size = options.size
    channels = [options.width * 2**stage for stage in range(size.bit_length() - 3)]
    adam = {"name": "adam", "learning_rate": 2e-4, "beta1": 0.5, "epsilon": options.epsilon}
    batches = {"batch_size": options.batch, "precision": options.precision}
    return Config.model_validate(
        {
            "name": "step-speed",
            "data": {"source": "synthetic:1000", "size": size},
            "networks": {
                "family": "dcgan",
                "latent_dim": LATENTS,
                "gamma_std": 0.02,
                "generator": {"stem": "deconv", "channels": channels[::-1]},
                "discriminator": {"channels": channels, "head": "conv"},
            },
            "objective": {"batching": "split"},
            "optimizers": {"discriminator": adam, "generator": adam},
            "training": {"steps": 10**6} | batches | training,
        }
    )


class Variant:
    """One way to make steps: `train_on_batch` or `compiled`."""

    def __init__(self, options: argparse.Namespace):
        self.options = options
        config = dcgan_config(options)
        self.gan = build_gan(config)
        self.inputs = random_inputs(options.batch, options.size)
        self.initial = [weight.numpy() for weight in self._learned()]
        batches = tf.data.Dataset.from_tensors(self.inputs).repeat()
        self.compiled = CompiledSteps(self.gan, iter(batches))

    def _learned(self) -> list[keras.Variable]:
        return self.gan.generator.trainable_weights + self.gan.discriminator.trainable_weights

    def describe(self) -> dict[str, Any]:
        """What both sides must agree on, and the FLOPs of a step."""
        kernels = np.concatenate([each.ravel() for each in self.initial if each.ndim == 4])
        scales = [w.numpy().ravel() for w in self._learned() if w.path.endswith("gamma")]
        return {
            "parameters": {
                "generator": trainable_parameters(self.gan.generator),
                "discriminator": trainable_parameters(self.gan.discriminator),
            },
            "initial": {"kernels": float(kernels.std()), "scales": float(np.concatenate(scales).std())},
            "flops": step_costs(self.gan, self.options.batch).flops,
        }

    def reference(self, file: str, count: int) -> dict[str, Any]:
        """Save the weights and inputs, make steps, and return the losses of each."""
        arrays = {f"weight_{place}": array for place, array in enumerate(self.initial)}
        for name in ("reals", "latents_d", "latents_g"):
            arrays[name] = getattr(self.inputs, name).numpy()
        np.savez(file, **arrays)
        losses = [self.gan.train_on_batch(*self.inputs) for _ in range(count)]
        return {"losses": [[float(each["d_loss"]), float(each["g_loss"])] for each in losses]}

    def steps(self, count: int) -> dict[str, float]:
        """Make steps; return how many seconds they took."""
        began = time.perf_counter()
        if self.options.variant == "compiled":
            self.compiled(count)
        else:
            for _ in range(count):
                self.gan.train_on_batch(*self.inputs)
        return {"seconds": time.perf_counter() - began}

    def profile(self, count: int) -> dict[str, Any]:
        """Milliseconds per step of each type of operation."""
        with tempfile.TemporaryDirectory() as folder:
            tf.profiler.experimental.start(folder)
            self.steps(count)
            tf.profiler.experimental.stop()
            return {"milliseconds": operation_times(Path(folder), count)}


def random_inputs(batch: int, size: int) -> StepInputs:
    draw = np.random.default_rng(0)
    reals = tf.constant(draw.uniform(-1, 1, (batch, size, size, 3)).astype(np.float32))
    latents = [tf.constant(draw.normal(size=(batch, LATENTS)).astype(np.float32)) for _ in range(2)]
    return StepInputs(reals, *latents, tf.zeros([2 * batch, 1]), reals)


def operation_times(folder: Path, steps: int) -> dict[str, float]:
    """Milliseconds per step by type of operation, from the profiler's file, without the loop around them."""
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    space = xplane_pb2.XSpace()
    space.ParseFromString(next(folder.rglob("*.xplane.pb")).read_bytes())
    times: dict[str, float] = defaultdict(float)
    for plane in (plane for plane in space.planes if plane.name == "/host:CPU"):
        for event in (event for line in plane.lines for event in line.events):
            name = plane.event_metadata[event.metadata_id].name
            kind = name.rpartition(":")[2].partition("#")[0]
            if (
                ":" in name
                and "::" not in name
                and kind.isidentifier()
                and kind not in ("While", "PartitionedCall")
            ):
                times[kind] += event.duration_ps / 1e9 / steps
    return dict(times)


def gemm(precision: str, repeats: int) -> dict[str, float]:
    """FLOPs per second of the fastest of several products of square matrices."""
    draw = tf.random.stateless_normal([2, GEMM_SIZE, GEMM_SIZE], [0, 0])
    left, right = tf.unstack(tf.cast(draw, precision))
    return {"flops": 2 * GEMM_SIZE**3 / fastest(lambda: tf.matmul(left, right).numpy()[0, 0], repeats)}


def fastest(call: Callable[[], Any], repeats: int) -> float:
    call()
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - began)
    return min(seconds)


def convolutions(batch: int, size: int, width: int, precision: str, repeats: int) -> dict[str, Any]:
    """FLOPs per second of each convolution of the nets, stride 2 and kernel 4, and of its gradients.

    The gradient for the input is what a transposed convolution computes forward. `sub-pixel` computes the
    same numbers, as a convolution with a kernel of 2 and four times the channels.
    """
    found = {}
    for stage in range(size.bit_length() - 3):
        inner, outer, side = 3 if stage == 0 else width * 2 ** (stage - 1), width * 2**stage, size >> stage
        images = tf.cast(tf.random.stateless_normal([batch, side, side, inner], [0, 1]), precision)
        maps = tf.cast(tf.random.stateless_normal([batch, side // 2, side // 2, outer], [0, 2]), precision)
        kernel = tf.cast(tf.random.stateless_normal([4, 4, inner, outer], [0, 3]), precision)
        flops = 2 * batch * (side // 2) ** 2 * 16 * inner * outer
        for name, seconds in layer_seconds(images, maps, kernel, repeats).items():
            found[f"{inner} -> {outer}, {side} pixels, {name}"] = flops / seconds
    return {"flops": found}


def layer_seconds(images: tf.Tensor, maps: tf.Tensor, kernel: tf.Tensor, repeats: int) -> dict[str, float]:
    """Seconds of one convolution from images to maps, of its gradients, and of the sub-pixel form."""
    shape = {"strides": [1, 2, 2, 1], "padding": "SAME"}
    calls = {
        "forward": lambda: tf.raw_ops.Conv2D(input=images, filter=kernel, **shape),
        "input": lambda: tf.raw_ops.Conv2DBackpropInput(
            input_sizes=images.shape, filter=kernel, out_backprop=maps, **shape
        ),
        "filter": lambda: tf.raw_ops.Conv2DBackpropFilter(
            input=images, filter_sizes=kernel.shape, out_backprop=maps, **shape
        ),
        "sub-pixel": lambda: sub_pixel(maps, kernel),
    }
    if images.dtype == tf.float32:
        np.testing.assert_allclose(calls["input"](), calls["sub-pixel"](), atol=0.01)
    return {name: fastest(read(tf.function(call)), repeats) for name, call in calls.items()}


def read(call: Callable[[], tf.Tensor]) -> Callable[[], Any]:
    """The call, followed by reading one number of its result, which waits for it to finish."""
    return lambda: tf.reshape(call(), [-1])[0].numpy()


def sub_pixel(maps: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """The transposed convolution with kernel 4 and stride 2, as one convolution with a kernel of 2."""
    # A pixel of even row (column) takes rows 3 and 1 of the kernel; one of odd row takes rows 2 and 0.
    taps = {0: [3, 1], 1: [2, 0]}
    phases = [
        tf.gather(tf.gather(kernel, taps[row], axis=0), taps[column], axis=1)
        for row in (0, 1)
        for column in (0, 1)
    ]
    kernels = tf.transpose(tf.concat(phases, axis=2), [0, 1, 3, 2])
    side = maps.shape[1]
    padded = tf.pad(maps, [[0, 0], [1, 1], [1, 1], [0, 0]])
    parts = tf.split(tf.nn.conv2d(padded, kernels, 1, "VALID"), 4, axis=3)
    rows = [
        tf.stack(
            [parts[2 * row + column][:, row : row + side, column : column + side] for column in (0, 1)], 3
        )
        for row in (0, 1)
    ]
    return tf.reshape(tf.stack(rows, 2), [maps.shape[0], 2 * side, 2 * side, kernel.shape[2]])


class RunClock(keras.callbacks.Callback):
    """Measures a run after its first steps: all its time, and the part inside the compiled calls."""

    def __init__(self) -> None:
        super().__init__()
        self.inside = self.began = self.ended = 0.0
        self.started_at = self.steps = 0

    def timed(self, call: Callable[[tf.Tensor], Any]) -> Callable[[tf.Tensor], Any]:
        def timed_call(count: tf.Tensor) -> Any:
            began = time.perf_counter()
            result = call(count)
            self.inside += time.perf_counter() - began
            return result

        return timed_call

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        if not self.began and batch + 1 >= RUN_WARM_UP:
            self.began, self.inside, self.started_at = time.perf_counter(), 0.0, batch + 1
        self.steps, self.ended = batch + 1 - self.started_at, time.perf_counter()


def run(options: argparse.Namespace, count: int, steps_per_call: int) -> dict[str, float]:
    """Train a run of about `count` steps; return its seconds, those inside the compiled calls, and its steps.

    It logs every 10 steps, draws a grid every 50, and saves one checkpoint, after the last. What a run does
    once, at its start and its end, is not counted.
    """
    clock = RunClock()

    class TimedSteps(CompiledSteps):
        def __init__(self, *arguments: Any):
            super().__init__(*arguments)
            self._run = clock.timed(self._run)

    loop.CompiledSteps = TimedSteps
    total = RUN_WARM_UP + count
    # Given, because runs with callbacks like ours otherwise make one step per call.
    length = {"steps": total, "checkpoint_every": total, "steps_per_call": steps_per_call}
    config = dcgan_config(options, **length)
    with tempfile.TemporaryDirectory() as folder:
        data = config.data.model_copy(update={"cache": str(Path(folder) / "cache")})
        train(config.model_copy(update={"data": data}), Path(folder) / "run", callbacks=[clock])
    return {"seconds": clock.ended - clock.began, "inside": clock.inside, "steps": clock.steps}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for name in ("size", "width", "batch", "threads", "inter"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--variant", choices=["train_on_batch", "compiled", "none"], required=True)
    parser.add_argument("--precision", required=True)
    parser.add_argument("--epsilon", type=float, required=True)
    options = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(options.threads)
    tf.config.threading.set_inter_op_parallelism_threads(options.inter)
    set_graph_options(dcgan_config(options))  # as in `facegan train`
    actions: dict[str, Callable[..., dict[str, Any]]] = {
        "versions": lambda: {"TensorFlow": tf.__version__, "Keras": keras.__version__},
        "memory": memory_mib,
        "gemm": gemm,
        "convolutions": convolutions,
        "run": lambda count, steps_per_call: run(options, count, steps_per_call),
    }
    imported = memory_mib()["now"]
    if options.variant != "none":
        variant = Variant(options)
        actions["describe"] = lambda: variant.describe() | {"imported_mib": imported}
        actions |= {name: getattr(variant, name) for name in ("reference", "steps", "profile")}
    serve(actions)


if __name__ == "__main__":
    main()
