"""The four PyTorch sources in PyTorch, straight from their texts: nets, losses, optimizers, steps.

Nothing here uses the package, so that where both agree, both do what the source says. `divisor` divides every
width except those of latents, images and logits. There is no dropout, because each framework draws its own
masks. Where a text is silent, the recipe's choice is used.
"""

import copy
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from tests.parity.inputs import Batch, Step

LATENT = 100
SLOPE = float(np.float32(0.2))  # TensorFlow rounds it so, even in float64


def _named(**modules: nn.Module) -> nn.Sequential:
    return nn.Sequential(OrderedDict(modules))


def _down(inputs: int, outputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel_size=(4, 4), stride=(2, 2), padding=(1, 1), bias=False)


def _up(inputs: int, outputs: int) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(inputs, outputs, kernel_size=(4, 4), stride=(2, 2), padding=(1, 1), bias=False)


def smooth32_generator(divisor: int) -> nn.Module:
    """The untitled report's generator; its module list has no layer between `fcl` and `dcnv1`."""
    c128, c64, c32 = 128 // divisor, 64 // divisor, 32 // divisor
    return _named(
        fcl=nn.Linear(LATENT, c128 * 4 * 4),
        map=nn.Unflatten(1, (c128, 4, 4)),
        dcnv1=nn.Sequential(_up(c128, c64), nn.BatchNorm2d(c64)),
        relu1=nn.ReLU(),
        dcnv2=nn.Sequential(_up(c64, c32), nn.BatchNorm2d(c32)),
        relu2=nn.ReLU(),
        dcnv3=nn.Sequential(_up(c32, 3)),
        tanh=nn.Tanh(),
    )


def smooth32_discriminator(divisor: int) -> nn.Module:
    c32, c64, c128 = 32 // divisor, 64 // divisor, 128 // divisor
    return _named(
        cnv1=nn.Sequential(_down(3, c32)),
        relu1=nn.LeakyReLU(SLOPE),
        cnv2=nn.Sequential(_down(c32, c64), nn.BatchNorm2d(c64)),
        relu2=nn.LeakyReLU(SLOPE),
        cnv3=nn.Sequential(_down(c64, c128), nn.BatchNorm2d(c128)),
        relu3=nn.LeakyReLU(SLOPE),
        flat=nn.Flatten(),
        fcl=nn.Linear(c128 * 4 * 4, 1),
    )


def dcgan32_generator(divisor: int) -> nn.Module:
    """Figure 5.4 of "Face Model Generator using Deep Learning", with leaky ReLU as in its section 5.6."""
    c512, c256, c128, c64 = (c // divisor for c in (512, 256, 128, 64))
    return _named(
        fc=nn.Linear(LATENT, c512 * 2 * 2),
        map=nn.Unflatten(1, (c512, 2, 2)),
        layer_1=nn.Sequential(_up(c512, c256), nn.BatchNorm2d(c256)),
        relu1=nn.LeakyReLU(SLOPE),
        layer_2=nn.Sequential(_up(c256, c128), nn.BatchNorm2d(c128)),
        relu2=nn.LeakyReLU(SLOPE),
        layer_3=nn.Sequential(_up(c128, c64), nn.BatchNorm2d(c64)),
        relu3=nn.LeakyReLU(SLOPE),
        layer_4=nn.Sequential(_up(c64, 3)),
        tanh=nn.Tanh(),
    )


def dcgan32_discriminator(divisor: int) -> nn.Module:
    c64, c128, c256 = 64 // divisor, 128 // divisor, 256 // divisor
    return _named(
        layer_1=nn.Sequential(_down(3, c64)),
        relu1=nn.LeakyReLU(SLOPE),
        layer_2=nn.Sequential(_down(c64, c128), nn.BatchNorm2d(c128)),
        relu2=nn.LeakyReLU(SLOPE),
        layer_3=nn.Sequential(_down(c128, c256), nn.BatchNorm2d(c256)),
        relu3=nn.LeakyReLU(SLOPE),
        flat=nn.Flatten(),
        fc=nn.Linear(c256 * 4 * 4, 1),
    )


def dcgan128_generator(divisor: int) -> nn.Module:
    """`Generator.main` of "Generating faces using Deep Convolutional Generative Adversarial Network"."""
    ngf = 64 // divisor
    main: list[nn.Module] = [nn.ConvTranspose2d(LATENT, ngf * 16, 4, stride=1, padding=0, bias=False)]
    for times in (8, 4, 2, 1):
        main += [nn.BatchNorm2d(ngf * times * 2), nn.ReLU(True)]
        main += [nn.ConvTranspose2d(ngf * times * 2, ngf * times, 4, stride=2, padding=1, bias=False)]
    main += [nn.BatchNorm2d(ngf), nn.ReLU(True)]
    main += [nn.ConvTranspose2d(ngf, 3, 4, stride=2, padding=1, bias=False), nn.Tanh()]
    # The source draws its noise as [N, nz, 1, 1].
    return _named(noise=nn.Unflatten(1, (LATENT, 1, 1)), main=nn.Sequential(*main))


def dcgan128_discriminator(divisor: int) -> nn.Module:
    ndf = 64 // divisor
    main: list[nn.Module] = [nn.Conv2d(3, ndf, 4, stride=2, padding=1, bias=False)]
    main += [nn.LeakyReLU(SLOPE, inplace=True)]
    for times in (1, 2, 4, 8):
        main += [nn.Conv2d(ndf * times, ndf * times * 2, 4, stride=2, padding=1, bias=False)]
        main += [nn.BatchNorm2d(ndf * times * 2), nn.LeakyReLU(SLOPE, inplace=True)]
    main += [nn.Conv2d(ndf * 16, 1, 4, stride=1, padding=0, bias=False)]
    return _named(main=nn.Sequential(*main), view=nn.Flatten())


def sgd64_generator(divisor: int) -> nn.Module:
    """ "GeneratingFacesUsingDCGAN": "5 ConvTranspose layers along with BatchNorm and leaky ReLU"."""
    c512, c256, c128, c64 = (c // divisor for c in (512, 256, 128, 64))
    return _named(
        noise=nn.Unflatten(1, (LATENT, 1, 1)),
        deconv1=nn.ConvTranspose2d(LATENT, c512, 4, 1, 0, bias=False),
        norm1=nn.BatchNorm2d(c512),
        relu1=nn.LeakyReLU(SLOPE),
        deconv2=_up(c512, c256),
        norm2=nn.BatchNorm2d(c256),
        relu2=nn.LeakyReLU(SLOPE),
        deconv3=_up(c256, c128),
        norm3=nn.BatchNorm2d(c128),
        relu3=nn.LeakyReLU(SLOPE),
        deconv4=_up(c128, c64),
        norm4=nn.BatchNorm2d(c64),
        relu4=nn.LeakyReLU(SLOPE),
        deconv5=_up(c64, 3),
        tanh=nn.Tanh(),
    )


def sgd64_discriminator(divisor: int) -> nn.Module:
    c64, c128, c256, c512 = (c // divisor for c in (64, 128, 256, 512))
    return _named(
        conv1=_down(3, c64),
        relu1=nn.LeakyReLU(SLOPE),
        conv2=_down(c64, c128),
        norm2=nn.BatchNorm2d(c128),
        relu2=nn.LeakyReLU(SLOPE),
        conv3=_down(c128, c256),
        norm3=nn.BatchNorm2d(c256),
        relu3=nn.LeakyReLU(SLOPE),
        conv4=_down(c256, c512),
        norm4=nn.BatchNorm2d(c512),
        relu4=nn.LeakyReLU(SLOPE),
        conv5=nn.Conv2d(c512, 1, 4, 1, 0, bias=False),
        view=nn.Flatten(),
    )


class Source(NamedTuple):
    """A source's nets, and how it trains them."""

    generator: Callable[[int], nn.Module]
    discriminator: Callable[[int], nn.Module]
    d_optimizer: Callable[[Iterator[nn.Parameter]], torch.optim.Optimizer]
    g_optimizer: Callable[[Iterator[nn.Parameter]], torch.optim.Optimizer]
    on_logits: bool
    """Whether the loss is BCEWithLogitsLoss; otherwise it is BCELoss after a sigmoid."""
    real_label: float = 1.0
    reuses_fakes: bool = False
    """Whether the generator's step uses the fakes of the discriminator's step again."""
    adds_gradients: bool = False
    """Whether there are two backward passes, instead of one through the sum of the losses."""


def _adam(lr: float, *betas: float) -> Callable[[Iterator[nn.Parameter]], torch.optim.Optimizer]:
    return lambda parameters: torch.optim.Adam(parameters, lr=lr, betas=betas or (0.9, 0.999))


def _sgd(parameters: Iterator[nn.Parameter]) -> torch.optim.Optimizer:
    return torch.optim.SGD(parameters, lr=0.00015, momentum=0.9)


_ADAM32, _ADAM = _adam(0.0005, 0.1, 0.99), _adam(0.0002, 0.5, 0.999)
SOURCES = {
    "dcgan32_smooth": Source(smooth32_generator, smooth32_discriminator, _ADAM32, _ADAM32, True, 0.9),
    "dcgan32": Source(dcgan32_generator, dcgan32_discriminator, _ADAM, _ADAM, True),
    "dcgan128": Source(
        dcgan128_generator, dcgan128_discriminator, _ADAM, _ADAM, on_logits=False, reuses_fakes=True
    ),
    "dcgan64_sgd": Source(
        sgd64_generator, sgd64_discriminator, _sgd, _adam(0.00015), on_logits=False, adds_gradients=True
    ),
}


class Run:
    """Both nets of a source, their optimizers, and the training step."""

    def __init__(self, recipe: str, divisor: int, weights: dict[str, dict[str, np.ndarray]], dtype: str):
        self.source = SOURCES[recipe]
        self.dtype = getattr(torch, dtype)
        self.generator = self.source.generator(divisor).to(self.dtype)
        self.discriminator = self.source.discriminator(divisor).to(self.dtype)
        for name, net in self.nets.items():
            net.load_state_dict({key: torch.tensor(value) for key, value in weights[name].items()})
        self.d_optimizer = self.source.d_optimizer(self.discriminator.parameters())
        self.g_optimizer = self.source.g_optimizer(self.generator.parameters())

    @property
    def nets(self) -> dict[str, nn.Module]:
        return {"generator": self.generator, "discriminator": self.discriminator}

    def images(self, latents: np.ndarray, training: bool) -> np.ndarray:
        """Images [N, S, S, 3] of latents, made by a copy, as training mode moves the running averages."""
        net = copy.deepcopy(self.generator).train(training)
        return net(self._tensor(latents)).detach().numpy().transpose(0, 2, 3, 1)

    def logits(self, reals: np.ndarray, training: bool) -> np.ndarray:
        """Logits [N, 1] of images [N, S, S, 3], made by a copy for the same reason."""
        net = copy.deepcopy(self.discriminator).train(training)
        return net(self._images(reals)).detach().numpy()

    def step(self, batch: Batch, keep_gradients: bool) -> Step:
        """Update each net once; return the losses and, if `keep_gradients`, the optimizers' gradients."""
        source = self.source
        self.d_optimizer.zero_grad()
        real_loss = self._loss(self.discriminator(self._images(batch.reals)), source.real_label)
        fakes = self.generator(self._tensor(batch.latents_d))
        fake_loss = self._loss(self.discriminator(fakes.detach()), 0.0)
        d_loss = real_loss + fake_loss
        if source.adds_gradients:
            real_loss.backward()
            fake_loss.backward()
        else:
            d_loss.backward()
        gradients = {}
        if keep_gradients:
            gradients["discriminator"] = self._gradients(self.discriminator)
        self.d_optimizer.step()

        self.g_optimizer.zero_grad()
        if not source.reuses_fakes:
            fakes = self.generator(self._tensor(batch.latents_g))
        g_loss = self._loss(self.discriminator(fakes), 1.0)
        g_loss.backward()
        if keep_gradients:
            gradients["generator"] = self._gradients(self.generator)
        self.g_optimizer.step()
        return Step(d_loss.item(), g_loss.item(), gradients)

    def weights(self) -> dict[str, dict[str, np.ndarray]]:
        """Every tensor of both nets, including running averages."""
        states = {name: net.state_dict() for name, net in self.nets.items()}
        return {
            name: {k: v.numpy().copy() for k, v in state.items() if not k.endswith("num_batches_tracked")}
            for name, state in states.items()
        }

    def _loss(self, logits: torch.Tensor, label: float) -> torch.Tensor:
        labels = torch.full((len(logits),), label, dtype=self.dtype)
        if self.source.on_logits:
            return nn.BCEWithLogitsLoss()(logits.squeeze(1), labels)
        return nn.BCELoss()(torch.sigmoid(logits).view(-1), labels)

    def _tensor(self, array: np.ndarray) -> torch.Tensor:
        return torch.tensor(array, dtype=self.dtype)

    def _images(self, array: np.ndarray) -> torch.Tensor:
        return self._tensor(array.transpose(0, 3, 1, 2))

    @staticmethod
    def _gradients(net: nn.Module) -> dict[str, np.ndarray]:
        return {name: p.grad.numpy().copy() for name, p in net.named_parameters()}
