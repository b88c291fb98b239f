"""What a training step costs: FLOPs and memory, counted from the layers before any work is done."""

import math
from dataclasses import dataclass

import keras

from facegan_tf.model.gan import GAN
from facegan_tf.model.state import state_bytes

FLOAT_BYTES = 4


@dataclass(frozen=True)
class StepCosts:
    """Costs of one training step."""

    flops: int
    """Floating-point operations; a multiply and an add are two."""
    memory_bytes: int
    """Estimated peak: weights, gradients, optimizer slots, and the larger of both models' activations."""


def trainable_parameters(layer: keras.Layer) -> int:
    """How many numbers a layer or a whole model learns; averages that it only keeps are not among them."""
    return sum(math.prod(weight.shape) for weight in layer.trainable_weights)


def forward_flops(model: keras.Model) -> int:
    """FLOPs of one image's way through the model: its dense and convolution layers, 2 per multiply-add."""
    return sum(layer_flops(layer) for layer in model.layers)


def layer_flops(layer: keras.Layer) -> int:
    """FLOPs of one image's way through a dense or convolution layer, 2 per multiply-add; 0 for others."""
    if isinstance(layer, keras.layers.Dense):
        return 2 * math.prod(layer.kernel.shape)
    # A convolution applies its kernel once at each place of its output, a transposed one of its input.
    if isinstance(layer, keras.layers.Conv2DTranspose):
        return 2 * math.prod(layer.kernel.shape) * math.prod(layer.input.shape[1:3])
    if isinstance(layer, keras.layers.Conv2D):
        return 2 * math.prod(layer.kernel.shape) * math.prod(layer.output.shape[1:3])
    return 0


def activation_bytes(model: keras.Model) -> int:
    """Bytes of all layers' outputs for one image, as training keeps them for the gradients."""
    return FLOAT_BYTES * sum(math.prod(layer.output.shape[1:]) for layer in model.layers)


def step_costs(gan: GAN, batch_size: int) -> StepCosts:
    """Costs of one `train_on_batch` with so many reals and as many fakes."""
    generator, discriminator = forward_flops(gan.generator), forward_flops(gan.discriminator)
    # Backward costs twice forward: once for the inputs' gradients and once for the weights', which
    # the combined step doesn't need of the discriminator.
    critic_flops = generator + 2 * 3 * discriminator
    combined_flops = 3 * generator + 2 * discriminator

    # The critic's generator pass keeps nothing for gradients; a backward pass holds about as much
    # again as the activations that it consumes, at its widest layer.
    generator_bytes, discriminator_bytes = (
        activation_bytes(gan.generator),
        activation_bytes(gan.discriminator),
    )
    activations = max(2 * discriminator_bytes, generator_bytes + discriminator_bytes)
    widest = max(_widest_bytes(gan.generator), 2 * _widest_bytes(gan.discriminator))
    gradients = FLOAT_BYTES * sum(trainable_parameters(m) for m in (gan.generator, gan.discriminator))
    return StepCosts(
        flops=batch_size * (critic_flops + combined_flops),
        memory_bytes=batch_size * (activations + 2 * widest) + state_bytes(gan) + gradients,
    )


def _widest_bytes(model: keras.Model) -> int:
    return FLOAT_BYTES * max(math.prod(layer.output.shape[1:]) for layer in model.layers)
