"""R3GAN's nets and steps in PyTorch, from its paper's description, in float64.

Nothing of the package is used here, so that where both agree, both compute what the paper says.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from tests.parity.drawing import Arrays, Batch
from tests.parity.residual import inputs

SLOPE = float(np.float32(0.2))  # TensorFlow rounds slopes to float32


class Block(nn.Module):
    """A residual block: 1x1 to twice the channels, 3x3 in groups, 1x1 back."""

    def __init__(self, channels: int, group_channels: int):
        super().__init__()
        wide = 2 * channels
        self.widen = nn.Conv2d(channels, wide, 1)
        self.grouped = nn.Conv2d(wide, wide, 3, padding=1, groups=wide // group_channels)
        self.narrow = nn.Conv2d(wide, channels, 1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = functional.leaky_relu(self.widen(x), SLOPE)
        return x + self.narrow(functional.leaky_relu(self.grouped(y), SLOPE))


class Stage(nn.Module):
    """The blocks of one resolution, and the 1x1 convolution before or after them, where widths differ."""

    def __init__(self, before: int, channels: int, blocks: int, group_channels: int):
        super().__init__()
        if before != channels:
            self.fit = nn.Conv2d(before, channels, 1, bias=False)
        for block in range(blocks):
            self.add_module(f"block{block}", Block(channels, group_channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.fit(x) if hasattr(self, "fit") else x
        for name, block in self.named_children():
            x = block(x) if name != "fit" else x
        return x


class Generator(nn.Module):
    """Latents [N, L] to images [N, 3, S, S]."""

    def __init__(self, latent_dim: int, channels: Sequence[int], blocks: int, group_channels: int):
        super().__init__()
        self.linear = nn.Linear(latent_dim, channels[0], bias=False)
        self.basis = nn.Parameter(torch.empty(channels[0], 4, 4))
        before = channels[0]
        for number, width in enumerate(channels):
            self.add_module(f"stage{number}", Stage(before, width, blocks, group_channels))
            before = width
        self.rgb = nn.Conv2d(before, 3, 1, bias=False)

    def forward(self, latents: torch.Tensor) -> torch.Tensor:
        x = self.linear(latents)[:, :, None, None] * self.basis
        for name, stage in self.named_children():
            if name.startswith("stage"):
                # The 1x1 convolution and the filter commute, so either may come first.
                x = stage(upsample(x) if name != "stage0" else x)
        return self.rgb(x)


class Discriminator(nn.Module):
    """Images [N, 3, S, S] to logits [N]."""

    def __init__(self, channels: Sequence[int], blocks: int, group_channels: int):
        super().__init__()
        self.rgb = nn.Conv2d(3, channels[-1], 1, bias=False)
        before = channels[-1]
        for number, width in reversed(list(enumerate(channels))):
            self.add_module(f"stage{number}", Stage(before, width, blocks, group_channels))
            before = width
        self.basis = nn.Conv2d(before, before, 4, groups=before, bias=False)
        self.linear = nn.Linear(before, 1, bias=False)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        x = self.rgb(images)
        first = True
        for name, stage in self.named_children():
            if name.startswith("stage"):
                x = stage(x if first else downsample(x))
                first = False
        return self.linear(self.basis(x).flatten(1))[:, 0]


def upsample(x: torch.Tensor) -> torch.Tensor:
    """[N, C, H, W] to [N, C, 2H, 2W]: zeros between the pixels, then the filter, four times."""
    filled = torch.zeros(*x.shape[:2], 2 * x.shape[2] - 1, 2 * x.shape[3] - 1, dtype=x.dtype)
    filled[:, :, ::2, ::2] = x
    return 4 * _filtered(functional.pad(filled, (2, 2, 2, 2)))


def downsample(x: torch.Tensor) -> torch.Tensor:
    """[N, C, 2H, 2W] to [N, C, H, W]: the filter, then every other pixel."""
    return _filtered(functional.pad(x, (1, 1, 1, 1)))[:, :, ::2, ::2]


def _filtered(x: torch.Tensor) -> torch.Tensor:
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0], dtype=x.dtype)
    kernel = torch.outer(taps, taps) / taps.sum() ** 2
    return functional.conv2d(x, kernel.expand(x.shape[1], 1, 4, 4), groups=x.shape[1])


class GAN:
    """Both nets, their optimizers and R3GAN's step, with all schedules."""

    def __init__(self) -> None:
        shape = (inputs.CHANNELS, inputs.BLOCKS, inputs.GROUP_CHANNELS)
        self.generator = _loaded(Generator(inputs.LATENT_DIM, *shape), "generator")
        self.discriminator = _loaded(Discriminator(*shape), "discriminator")
        self.optimizers = {
            net: torch.optim.Adam(net.parameters(), betas=(0.0, 0.9), eps=inputs.EPSILON)
            for net in (self.generator, self.discriminator)
        }
        self.seen = 0

    def step(self, batch: Batch) -> dict[str, float]:
        """Train the discriminator, then the generator; the terms of both, before their updates."""
        reals, reals_g = (images_from(each).requires_grad_() for each in (batch.reals, batch.reals_g))
        gamma = _cosine(*inputs.GAMMA, self.seen)
        with torch.no_grad():
            fakes = self.generator(torch.tensor(batch.latents_d))
        fakes.requires_grad_()
        real_logits, fake_logits = self.discriminator(reals), self.discriminator(fakes)
        terms = {
            "d_loss": functional.softplus(fake_logits - real_logits).mean(),
            "r1": gamma / 2 * _squared_norms(real_logits, reals).mean(),
            "r2": gamma / 2 * _squared_norms(fake_logits, fakes).mean(),
        }
        self._update(self.discriminator, sum(terms.values()))

        fake_logits = self.discriminator(self.generator(torch.tensor(batch.latents_g)))
        terms["g_loss"] = functional.softplus(self.discriminator(reals_g) - fake_logits).mean()
        self._update(self.generator, terms["g_loss"])
        self.seen += len(batch.reals)
        return {name: float(term.detach()) for name, term in terms.items()}

    def _update(self, net: nn.Module, loss: torch.Tensor) -> None:
        optimizer = self.optimizers[net]
        [group] = optimizer.param_groups
        group["lr"] = _cosine(*inputs.LEARNING_RATE, self.seen)
        group["betas"] = (0.0, _cosine(*inputs.BETA2, self.seen))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def results() -> Arrays:
    """Images and logits of the initial nets, each step's terms, and all steps' changes of the weights."""
    gan = GAN()
    first = inputs.batch(0)
    with torch.no_grad():
        images = gan.generator(torch.tensor(first.latents_d)).permute(0, 2, 3, 1)
        logits = gan.discriminator(images_from(first.reals))
    found = {"images": images.numpy().copy(), "logits": logits.numpy().copy()}
    terms = [gan.step(inputs.batch(step)) for step in range(inputs.STEPS)]
    found |= {f"losses/{name}": np.array([step[name] for step in terms]) for name in terms[0]}
    for net, module in (("generator", gan.generator), ("discriminator", gan.discriminator)):
        for name, before in inputs.initial_weights(net).items():
            found[f"changes/{net}/{name}"] = _to_keras(net, name, _tensor(module, name)) - before
    return found


def parameter_counts() -> Arrays:
    """Parameters of both nets by the name of the config, at the published widths."""
    found = {}
    for name, channels in inputs.PUBLISHED.items():
        with torch.device("meta"):
            nets = (Generator(64, channels, 2, 16), Discriminator(channels, 2, 16))
        found[f"parameters/{name}"] = np.array(
            [sum(tensor.numel() for tensor in net.parameters()) for net in nets]
        )
    return found


def images_from(array: np.ndarray) -> torch.Tensor:
    """Images [N, 3, S, S] of [N, S, S, 3]."""
    return torch.tensor(array.transpose(0, 3, 1, 2))


def _squared_norms(logits: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
    [gradient] = torch.autograd.grad(logits.sum(), images, create_graph=True)
    return gradient.square().sum(dim=(1, 2, 3))


def _cosine(start: float, end: float, seen: int) -> float:
    share = min(seen / inputs.DECAY_IMAGES, 1.0)
    return end + (start - end) * 0.5 * (1 + math.cos(math.pi * share))


def _loaded(module: nn.Module, net: str) -> nn.Module:
    module = module.double()
    weights = inputs.initial_weights(net)
    with torch.no_grad():
        for name, array in weights.items():
            _tensor(module, name).copy_(torch.tensor(_from_keras(net, name, array)))
    assert sum(1 for _ in module.parameters()) == len(weights)
    return module


def _tensor(module: nn.Module, name: str) -> torch.Tensor:
    found = dict(module.named_parameters())
    return found[name] if name in found else found[f"{name}.weight".replace(".kernel", "")]


def _from_keras(net: str, name: str, array: np.ndarray) -> np.ndarray:
    """PyTorch's layout: kernels are [out, in, height, width]."""
    if name == "basis":
        return array.transpose(2, 0, 1) if net == "generator" else array.transpose(2, 3, 0, 1)
    return array.transpose((3, 2, 0, 1) if array.ndim == 4 else None) if array.ndim > 1 else array


def _to_keras(net: str, name: str, tensor: torch.Tensor) -> np.ndarray:
    array = tensor.detach().numpy()
    if name == "basis":
        return array.transpose(1, 2, 0) if net == "generator" else array.transpose(2, 3, 0, 1)
    return array.transpose((2, 3, 1, 0) if array.ndim == 4 else None) if array.ndim > 1 else array
