"""The losses, penalties, averages and GAN steps in PyTorch, straight from their papers, in float64.

Nothing of the package is used here, so that where both agree, both compute what the papers say. Weights
keep Keras' layout; they are transposed where they are used, so their gradients have that layout too.
"""

from collections.abc import Iterable

import numpy as np
import torch
from torch.nn import functional

from tests.parity.drawing import Arrays, Batch
from tests.parity.modern import inputs

Weights = dict[str, torch.Tensor]

TARGETS = {"real_target": 1.0, "fake_target": 0.0, "generator_target": 1.0, "label_noise": 0.0}


def generate(weights: Weights, latents: torch.Tensor) -> torch.Tensor:
    """Images [N, 3, S, S] of latents [N, L]: the deepconv generator."""
    x = latents @ weights["dense.kernel"] + weights["dense.bias"]
    x = _leaky(x).reshape(-1, 16, 16, inputs.STEM).permute(0, 3, 1, 2)
    x = _leaky(_convolve(weights, "conv_1", x, padding=2))
    kernel = weights["deconv.kernel"].permute(3, 2, 0, 1)
    x = _leaky(functional.conv_transpose2d(x, kernel, weights["deconv.bias"], stride=2, padding=1))
    for layer in ("conv_2", "conv_3"):
        x = _leaky(_convolve(weights, layer, x, padding=2))
    return torch.tanh(_convolve(weights, "conv_4", x, padding=3))


def discriminate(weights: Weights, images: torch.Tensor) -> torch.Tensor:
    """Logits [N, 1] of images [N, 3, S, S]: the deepconv discriminator, without dropout."""
    x = _leaky(_convolve(weights, "conv_1", images))
    for layer in ("conv_2", "conv_3"):
        x = _leaky(_convolve(weights, layer, x, stride=2))
    x = x.permute(0, 2, 3, 1).flatten(1)
    return x @ weights["dense.kernel"] + weights["dense.bias"]


def discriminator_loss(
    settings: dict, fakes: torch.Tensor, reals: torch.Tensor, noise: torch.Tensor
) -> torch.Tensor:
    """The adversarial loss of logits [N, 1]. noise: U(0, 1) [2N, 1], the fakes', then the reals'."""
    match settings["loss"]:
        case "bce":
            targets = TARGETS | settings
            noise_f, noise_r = (
                targets["label_noise"] * noise[: len(fakes)],
                targets["label_noise"] * noise[len(fakes) :],
            )
            of_fakes = _cross_entropy(fakes, targets["fake_target"] + noise_f)
            of_reals = _cross_entropy(reals, targets["real_target"] + noise_r)
            # One mean over both batches, or a mean for each.
            return (of_fakes + of_reals) / (1 if settings.get("batching") == "split" else 2)
        case "hinge":
            return functional.relu(1 - reals).mean() + functional.relu(1 + fakes).mean()
        case "least_squares":
            return ((reals - 1) ** 2).mean() / 2 + (fakes**2).mean() / 2
        case "relativistic":
            return -functional.logsigmoid(reals - fakes).mean()
    raise ValueError(settings)


def generator_loss(settings: dict, fakes: torch.Tensor, reals: torch.Tensor) -> torch.Tensor:
    """The adversarial loss of logits [N, 1]; only the relativistic one looks at those of the reals."""
    match settings["loss"]:
        case "bce":
            return _cross_entropy(fakes, torch.full_like(fakes, (TARGETS | settings)["generator_target"]))
        case "hinge":
            return -fakes.mean()
        case "least_squares":
            return ((fakes - 1) ** 2).mean() / 2
        case "relativistic":
            return -functional.logsigmoid(fakes - reals).mean()
    raise ValueError(settings)


def gradient_penalty(weights: Weights, images: torch.Tensor) -> torch.Tensor:
    """Half the mean over images of the squared norm of the logit's gradient: R1 of reals, R2 of fakes."""
    images = images.detach().requires_grad_()
    [gradient] = torch.autograd.grad(discriminate(weights, images).sum(), images, create_graph=True)
    return gradient.flatten(1).norm(dim=1).square().mean() / 2


class GAN:
    """Both nets, their optimizers and the step that trains them."""

    def __init__(self, settings: dict):
        """settings: those of the objective."""
        self.settings = settings
        self.steps_done = 0
        self.nets = {net: _learned(inputs.initial_weights(net)) for net in inputs.KERNELS}
        self.optimizers = {
            net: torch.optim.Adam(
                weights.values(),
                lr=inputs.LEARNING_RATES[net],
                betas=(inputs.BETA1, inputs.BETA2),
                eps=inputs.EPSILON,
            )
            for net, weights in self.nets.items()
        }

    def step(self, batch: Batch) -> dict[str, float]:
        """Train the discriminator, then the generator; the terms of both, before their updates.

        Lazy penalties are in every k-th step, times k.
        """
        generator, discriminator = self.nets["generator"], self.nets["discriminator"]
        reals, reals_g = images_from(batch.reals), images_from(batch.reals_g)
        noise = torch.tensor(batch.label_noise)

        fakes = generate(generator, torch.tensor(batch.latents_d)).detach()
        fake_logits, real_logits = (discriminate(discriminator, images) for images in (fakes, reals))
        terms = {"d_loss": discriminator_loss(self.settings, fake_logits, real_logits, noise)}
        every = self.settings.get("penalty_every", 1)
        for name, images in (("r1", reals), ("r2", fakes)):
            if name in self.settings and (self.steps_done + 1) % every == 0:
                terms[name] = every * self.settings[name] * gradient_penalty(discriminator, images)
        self._update("discriminator", terms.values())

        fake_logits = discriminate(discriminator, generate(generator, torch.tensor(batch.latents_g)))
        g_loss = generator_loss(self.settings, fake_logits, discriminate(discriminator, reals_g))
        self._update("generator", [g_loss])
        self.steps_done += 1
        return {name: float(term.detach()) for name, term in (terms | {"g_loss": g_loss}).items()}

    def _update(self, net: str, terms: Iterable[torch.Tensor]) -> None:
        self.optimizers[net].zero_grad()
        torch.stack(list(terms)).sum().backward()
        self.optimizers[net].step()

    def weights(self) -> dict[str, Arrays]:
        """Copies of all weights, by net and name."""
        return {net: _arrays(weights) for net, weights in self.nets.items()}


def loss_results(settings: dict, size: str) -> Arrays:
    """Both losses of `inputs.logits(size)` and their gradients with respect to them."""
    fakes, reals = (torch.tensor(array, requires_grad=True) for array in inputs.logits(size))
    d_loss = discriminator_loss(settings, fakes, reals, torch.tensor(inputs.label_noise()))
    d_gradients = torch.autograd.grad(d_loss, (fakes, reals))
    g_loss = generator_loss(settings, fakes, reals)
    # Zero for the reals, where the loss does not look at them.
    g_gradients = torch.autograd.grad(g_loss, (fakes, reals), allow_unused=True, materialize_grads=True)
    return _arrays(
        {
            "d_loss": d_loss,
            "d_loss/fakes": d_gradients[0],
            "d_loss/reals": d_gradients[1],
            "g_loss": g_loss,
            "g_loss/fakes": g_gradients[0],
            "g_loss/reals": g_gradients[1],
        }
    )


def penalty_results() -> Arrays:
    """R1 and R2 of the initial discriminator, and their gradients with respect to its weights."""
    found = {}
    for name, images in zip(("r1", "r2"), inputs.penalty_images(), strict=True):
        weights = _learned(inputs.initial_weights("discriminator"))
        penalty = gradient_penalty(weights, images_from(images))
        gradients = torch.autograd.grad(
            penalty, list(weights.values()), allow_unused=True, materialize_grads=True
        )
        found[name] = penalty
        found |= {f"{name}/{key}": each for key, each in zip(weights, gradients, strict=True)}
    return _arrays(found)


def step_results(settings: dict) -> Arrays:
    """STEPS steps of a GAN: every term of the steps that have it, and each weight's change over all steps."""
    gan = GAN(settings)
    before = gan.weights()
    terms = [gan.step(inputs.batch(step)) for step in range(inputs.STEPS)]
    found = {f"losses/{name}": np.array([step[name] for step in terms if name in step]) for name in terms[0]}
    for net, weights in gan.weights().items():
        for name, array in weights.items():
            found[f"changes/{net}/{name}"] = array - before[net][name]
    return found


def average_results(case: inputs.Average) -> Arrays:
    """Every tensor of the average after each step, [AVERAGE_STEPS, ...]."""
    average = {name: torch.tensor(array) for name, array in inputs.averaged_weights(0).items()}
    found: dict[str, list[np.ndarray]] = {name: [] for name in average}
    for step in range(1, inputs.AVERAGE_STEPS + 1):
        half_life = min(case.half_life, 0.05 * (case.seen_before + step * case.images))
        beta = 0.5 ** (case.images / half_life)
        for name, array in inputs.averaged_weights(step).items():
            average[name] = torch.tensor(array).lerp(average[name], beta)
            found[name].append(average[name].numpy())
    return {name: np.stack(arrays) for name, arrays in found.items()}


def images_from(array: np.ndarray) -> torch.Tensor:
    """Images [N, 3, S, S] of [N, S, S, 3]."""
    return torch.tensor(array.transpose(0, 3, 1, 2))


def _convolve(
    weights: Weights, layer: str, x: torch.Tensor, stride: int = 1, padding: int = 0
) -> torch.Tensor:
    kernel = weights[f"{layer}.kernel"].permute(3, 2, 0, 1)
    return functional.conv2d(x, kernel, weights[f"{layer}.bias"], stride=stride, padding=padding)


def _leaky(x: torch.Tensor) -> torch.Tensor:
    return functional.leaky_relu(x, inputs.SLOPE)


def _cross_entropy(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return functional.binary_cross_entropy_with_logits(logits, targets)


def _learned(arrays: Arrays) -> Weights:
    return {name: torch.tensor(array, requires_grad=True) for name, array in arrays.items()}


def _arrays(tensors: Weights) -> Arrays:
    return {name: tensor.detach().numpy().copy() for name, tensor in tensors.items()}
