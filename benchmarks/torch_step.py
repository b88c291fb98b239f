"""PyTorch's side of step_speed.py: the same nets and the same step, timed in a process of its own.

Not to be started by hand. It runs in an environment that has PyTorch and NumPy, but not this package.
Nothing here is slower than it need be: Adam is fused, gradients are set to None, the discriminator is frozen
in the generator's step, and denormals are flushed to zero, as TensorFlow does.
"""

import argparse
import contextlib
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from step_process import memory_mib, serve
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

GEMM_SIZE = 2048
LATENTS = 100


def generator(size: int, width: int) -> nn.Sequential:
    channels = [width * 2**stage for stage in reversed(range(size.bit_length() - 3))]
    layers: list[nn.Module] = [nn.ConvTranspose2d(LATENTS, channels[0], 4, bias=False)]
    for inner, outer in zip(channels, [*channels[1:], 3], strict=True):
        layers += [nn.BatchNorm2d(inner), nn.ReLU(inplace=True)]
        layers.append(nn.ConvTranspose2d(inner, outer, 4, stride=2, padding=1, bias=False))
    return nn.Sequential(*layers, nn.Tanh())


def discriminator(size: int, width: int) -> nn.Sequential:
    channels = [width * 2**stage for stage in range(size.bit_length() - 3)]
    layers: list[nn.Module] = []
    for inner, outer in zip([3, *channels[:-1]], channels, strict=True):
        layers.append(nn.Conv2d(inner, outer, 4, stride=2, padding=1, bias=False))
        layers += [nn.BatchNorm2d(outer)] if inner != 3 else []
        layers.append(nn.LeakyReLU(0.2, inplace=True))
    return nn.Sequential(*layers, nn.Conv2d(channels[-1], 1, 4, bias=False), nn.Flatten())


def initialise(module: nn.Module) -> None:
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)


class Variant:
    """One way to make steps: `eager`, `channels_last`, `compile`, or `compile_channels_last`."""

    def __init__(self, options: argparse.Namespace):
        self.options = options
        torch.manual_seed(0)
        last = "channels_last" in options.variant
        self.layout = torch.channels_last if last else torch.contiguous_format
        self.g = generator(options.size, options.width).apply(initialise).to(memory_format=self.layout)
        self.d = discriminator(options.size, options.width).apply(initialise).to(memory_format=self.layout)
        adam = {"lr": 2e-4, "betas": (0.5, 0.999), "eps": options.epsilon, "fused": True}
        self.g_adam = torch.optim.Adam(self.g.parameters(), **adam)
        self.d_adam = torch.optim.Adam(self.d.parameters(), **adam)
        if options.variant.startswith("compile"):
            self.d_loss, self.g_loss = torch.compile(self.d_loss), torch.compile(self.g_loss)
        draw = np.random.default_rng(0)
        shape = (options.batch, 3, options.size, options.size)
        self.reals = self.images(draw.uniform(-1, 1, shape))
        self.latents_d, self.latents_g = (
            latents(draw.normal(size=(options.batch, LATENTS))) for _ in range(2)
        )

    def images(self, values: np.ndarray) -> torch.Tensor:
        """Images [N, 3, S, S] in this variant's layout."""
        return torch.from_numpy(values.astype(np.float32)).contiguous(memory_format=self.layout)

    def d_loss(self, reals: torch.Tensor, latents: torch.Tensor) -> torch.Tensor:
        with self.autocast():
            with torch.no_grad():
                fakes = self.g(latents)
            of_fakes, of_reals = self.d(fakes), self.d(reals)
        return cross_entropy(of_fakes, 0.0) + cross_entropy(of_reals, 1.0)

    def g_loss(self, latents: torch.Tensor) -> torch.Tensor:
        with self.autocast():
            logits = self.d(self.g(latents))
        return cross_entropy(logits, 1.0)

    def autocast(self) -> contextlib.AbstractContextManager:
        return torch.autocast("cpu", torch.bfloat16, enabled=self.options.precision == "bfloat16")

    def step(self) -> list[torch.Tensor]:
        self.d.requires_grad_(True)
        self.d_adam.zero_grad(set_to_none=True)
        d_loss = self.d_loss(self.reals, self.latents_d)
        d_loss.backward()
        self.d_adam.step()
        self.d.requires_grad_(False)
        self.g_adam.zero_grad(set_to_none=True)
        g_loss = self.g_loss(self.latents_g)
        g_loss.backward()
        self.g_adam.step()
        return [d_loss.detach(), g_loss.detach()]

    def describe(self) -> dict[str, Any]:
        """What both sides must agree on."""
        nets = {"generator": self.g, "discriminator": self.d}
        modules = [module for net in nets.values() for module in net]
        kernels = [m.weight for m in modules if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d))]
        scales = [m.weight for m in modules if isinstance(m, nn.BatchNorm2d)]
        return {
            "parameters": {name: sum(p.numel() for p in net.parameters()) for name, net in nets.items()},
            "initial": {
                name: float(torch.cat([w.detach().flatten() for w in weights]).std())
                for name, weights in (("kernels", kernels), ("scales", scales))
            },
        }

    def compare(self, file: str, count: int) -> dict[str, Any]:
        """Take the weights and inputs from a file, make steps, and return the losses of each."""
        arrays = np.load(file)
        parameters = [*self.g.parameters(), *self.d.parameters()]
        with torch.no_grad():
            for place, parameter in enumerate(parameters):
                array = arrays[f"weight_{place}"]
                # TensorFlow's kernels are [H, W, in, out], and [H, W, out, in] for transposed convolutions.
                array = array.transpose(3, 2, 0, 1) if array.ndim == 4 else array
                if array.shape != tuple(parameter.shape):
                    raise ValueError(f"weight {place}: {array.shape}, here {tuple(parameter.shape)}")
                parameter.copy_(torch.from_numpy(np.ascontiguousarray(array)))
        self.reals = self.images(arrays["reals"].transpose(0, 3, 1, 2))
        self.latents_d, self.latents_g = latents(arrays["latents_d"]), latents(arrays["latents_g"])
        return {"losses": [[float(loss) for loss in self.step()] for _ in range(count)]}

    def steps(self, count: int) -> dict[str, float]:
        """Make steps; return how many seconds they took."""
        began = time.perf_counter()
        for _ in range(count):
            self.step()
        return {"seconds": time.perf_counter() - began}

    def profile(self, count: int) -> dict[str, Any]:
        """Milliseconds per step of each operation, without the operations that it calls."""
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profiler:
            self.steps(count)
        averages = profiler.key_averages()
        return {"milliseconds": {each.key: each.self_cpu_time_total / 1000 / count for each in averages}}


def latents(values: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(values.astype(np.float32))[:, :, None, None]


def cross_entropy(logits: torch.Tensor, target: float) -> torch.Tensor:
    logits = logits.float()
    return binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))


def gemm(precision: str, repeats: int) -> dict[str, float]:
    """FLOPs per second of the fastest of several products of square matrices."""
    left, right = torch.randn(2, GEMM_SIZE, GEMM_SIZE).to(getattr(torch, precision))
    return {"flops": 2 * GEMM_SIZE**3 / fastest(lambda: left @ right, repeats)}


def fastest(call: Callable[[], Any], repeats: int) -> float:
    call()
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - began)
    return min(seconds)


def convolutions(batch: int, size: int, width: int, precision: str, repeats: int) -> dict[str, Any]:
    """FLOPs per second of each convolution of the nets and of its gradients, in the layout channels_last."""
    found = {}
    for stage in range(size.bit_length() - 3):
        inner, outer, side = 3 if stage == 0 else width * 2 ** (stage - 1), width * 2**stage, size >> stage
        images, maps, kernel = (
            torch.randn(shape).to(getattr(torch, precision), memory_format=torch.channels_last)
            for shape in (
                (batch, inner, side, side),
                (batch, outer, side // 2, side // 2),
                (outer, inner, 4, 4),
            )
        )
        flops = 2 * batch * (side // 2) ** 2 * 16 * inner * outer
        for name, seconds in layer_seconds(images, maps, kernel, repeats).items():
            found[f"{inner} -> {outer}, {side} pixels, {name}"] = flops / seconds
    return {"flops": found}


def layer_seconds(
    images: torch.Tensor, maps: torch.Tensor, kernel: torch.Tensor, repeats: int
) -> dict[str, float]:
    """Seconds of one convolution from images to maps, and of its gradients."""
    shape = ([2, 2], [1, 1], [1, 1], False, [0, 0], 1)
    backward = torch.ops.aten.convolution_backward
    calls = {
        "forward": lambda: torch.convolution(images, kernel, None, *shape),
        "input": lambda: backward(maps, images, kernel, None, *shape, [True, False, False]),
        "filter": lambda: backward(maps, images, kernel, None, *shape, [False, True, False]),
    }
    return {name: fastest(call, repeats) for name, call in calls.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for name in ("size", "width", "batch", "threads"):
        parser.add_argument(f"--{name}", type=int, required=True)
    ways = ["eager", "channels_last", "compile", "compile_channels_last", "none"]
    parser.add_argument("--variant", choices=ways, required=True)
    parser.add_argument("--precision", required=True)
    parser.add_argument("--epsilon", type=float, required=True)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)
    actions: dict[str, Callable[..., dict[str, Any]]] = {
        "versions": lambda: {"PyTorch": torch.__version__},
        "memory": memory_mib,
        "gemm": gemm,
        "convolutions": convolutions,
    }
    imported = memory_mib()["now"]
    if options.variant != "none":
        variant = Variant(options)
        actions["describe"] = lambda: variant.describe() | {"imported_mib": imported}
        actions |= {name: getattr(variant, name) for name in ("compare", "steps", "profile")}
    serve(actions)


if __name__ == "__main__":
    main()
