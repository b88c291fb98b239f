"""The layers with weights of the five sources, by the sources' names and in their order and layout.

This module imports neither the sources' frameworks nor the package: both must fit it.
"""

from typing import NamedTuple


class Parameter(NamedTuple):
    """One tensor of a source's net."""

    name: str
    shape: tuple[int, ...]
    layer: str
    """Kind of layer that it belongs to."""

    @property
    def role(self) -> str:
        """weight or kernel, bias, running_mean, running_var."""
        return self.name.rpartition(".")[2]


# For each layer: its name, its kind, its input channels, its output channels (norm: its channels), at full
# width. After the kind comes the kernel's size if it isn't 4, or, for a linear layer, the side of the map
# that it makes or flattens. A net's own input and output channels are the same at any width; all others are
# divided.
LAYERS: dict[str, dict[str, list[tuple]]] = {
    # An untitled report ("In this model, we aim to generate human faces through un-labelled data
    # via the help of Deep Convolutional Generative Adversarial Networks"): its two module lists.
    "dcgan32_smooth": {
        "generator": [
            ("fcl", "linear_to 4", 100, 2048),
            ("dcnv1.0", "deconv", 128, 64),
            ("dcnv1.1", "norm", 64),
            ("dcnv2.0", "deconv", 64, 32),
            ("dcnv2.1", "norm", 32),
            ("dcnv3.0", "deconv", 32, 3),
        ],
        "discriminator": [
            ("cnv1.0", "conv", 3, 32),
            ("cnv2.0", "conv", 32, 64),
            ("cnv2.1", "norm", 64),
            ("cnv3.0", "conv", 64, 128),
            ("cnv3.1", "norm", 128),
            ("fcl", "linear_of 4", 2048, 1),
        ],
    },
    # "Face Model Generator using Deep Learning": figure 5.4.
    "dcgan32": {
        "generator": [
            ("fc", "linear_to 2", 100, 2048),
            ("layer_1.0", "deconv", 512, 256),
            ("layer_1.1", "norm", 256),
            ("layer_2.0", "deconv", 256, 128),
            ("layer_2.1", "norm", 128),
            ("layer_3.0", "deconv", 128, 64),
            ("layer_3.1", "norm", 64),
            ("layer_4.0", "deconv", 64, 3),
        ],
        "discriminator": [
            ("layer_1.0", "conv", 3, 64),
            ("layer_2.0", "conv", 64, 128),
            ("layer_2.1", "norm", 128),
            ("layer_3.0", "conv", 128, 256),
            ("layer_3.1", "norm", 256),
            ("fc", "linear_of 4", 4096, 1),
        ],
    },
    # "Generating faces using Deep Convolutional Generative Adversarial Network": `main` of both classes, with
    # the batch normalisation that the text mentions and the stage that turns 64 pixels into 128.
    "dcgan128": {
        "generator": [
            ("main.0", "deconv", 100, 1024),
            ("main.1", "norm", 1024),
            ("main.3", "deconv", 1024, 512),
            ("main.4", "norm", 512),
            ("main.6", "deconv", 512, 256),
            ("main.7", "norm", 256),
            ("main.9", "deconv", 256, 128),
            ("main.10", "norm", 128),
            ("main.12", "deconv", 128, 64),
            ("main.13", "norm", 64),
            ("main.15", "deconv", 64, 3),
        ],
        "discriminator": [
            ("main.0", "conv", 3, 64),
            ("main.2", "conv", 64, 128),
            ("main.3", "norm", 128),
            ("main.5", "conv", 128, 256),
            ("main.6", "norm", 256),
            ("main.8", "conv", 256, 512),
            ("main.9", "norm", 512),
            ("main.11", "conv", 512, 1024),
            ("main.12", "norm", 1024),
            ("main.14", "conv", 1024, 1),
        ],
    },
    # "Human Face Generation using GAN": the names are Keras' automatic ones, except for the numbers.
    "celeba128": {
        "generator": [
            ("dense", "dense", 32, 32768),
            ("conv_1", "conv2d 5", 128, 256),
            ("deconv_1", "conv2d_transpose 4", 256, 256),
            ("deconv_2", "conv2d_transpose 4", 256, 256),
            ("deconv_3", "conv2d_transpose 4", 256, 256),
            ("conv_2", "conv2d 5", 256, 512),
            ("conv_3", "conv2d 5", 512, 512),
            ("conv_4", "conv2d 7", 512, 3),
        ],
        "discriminator": [
            ("conv_1", "conv2d 3", 3, 256),
            ("conv_2", "conv2d 4", 256, 256),
            ("conv_3", "conv2d 4", 256, 256),
            ("conv_4", "conv2d 4", 256, 256),
            ("conv_5", "conv2d 4", 256, 256),
            ("dense", "dense", 9216, 1),
        ],
    },
    # "GeneratingFacesUsingDCGAN": five layers in each net, with the widths in the figures that it links to.
    "dcgan64_sgd": {
        "generator": [
            ("deconv1", "deconv", 100, 512),
            ("norm1", "norm", 512),
            ("deconv2", "deconv", 512, 256),
            ("norm2", "norm", 256),
            ("deconv3", "deconv", 256, 128),
            ("norm3", "norm", 128),
            ("deconv4", "deconv", 128, 64),
            ("norm4", "norm", 64),
            ("deconv5", "deconv", 64, 3),
        ],
        "discriminator": [
            ("conv1", "conv", 3, 64),
            ("conv2", "conv", 64, 128),
            ("norm2", "norm", 128),
            ("conv3", "conv", 128, 256),
            ("norm3", "norm", 256),
            ("conv4", "conv", 256, 512),
            ("norm4", "norm", 512),
            ("conv5", "conv", 512, 1),
        ],
    },
}


def parameters(recipe: str, net: str, divisor: int) -> list[Parameter]:
    """All tensors of `net`, "generator" or "discriminator", with the widths divided by `divisor`."""
    layers = LAYERS[recipe][net]
    found = []
    for name, kind, *channels in layers:
        narrow = [channel // divisor for channel in channels]
        if name == layers[0][0]:
            narrow[0] = channels[0]
        if name == layers[-1][0]:
            narrow[-1] = channels[-1]
        shapes = _shapes(kind, *narrow)
        found += [Parameter(f"{name}.{role}", shape, kind) for role, shape in shapes.items()]
    return found


def _shapes(kind: str, inputs: int, outputs: int = 0) -> dict[str, tuple[int, ...]]:
    kind, _, size = kind.partition(" ")
    if kind == "norm":
        return dict.fromkeys(("weight", "bias", "running_mean", "running_var"), (inputs,))
    if kind in ("linear_to", "linear_of"):
        return {"weight": (outputs, inputs), "bias": (outputs,)}
    if kind == "conv":
        return {"weight": (outputs, inputs, 4, 4)}
    if kind == "deconv":
        return {"weight": (inputs, outputs, 4, 4)}
    if kind == "dense":
        return {"kernel": (inputs, outputs), "bias": (outputs,)}
    if kind == "conv2d":
        return {"kernel": (int(size), int(size), inputs, outputs), "bias": (outputs,)}
    return {"kernel": (int(size), int(size), outputs, inputs), "bias": (outputs,)}


def normalised_side(recipe: str, net: str, norm: str, size: int) -> int:
    """Height and width of the maps that the layer `norm` normalises in a net for images of `size` pixels."""
    layers = LAYERS[recipe][net]
    place = [layer[0] for layer in layers].index(norm)
    halvings = layers[place:] if net == "generator" else layers[:place]
    return size // 2 ** sum(layer[1] in ("conv", "deconv") for layer in halvings)
