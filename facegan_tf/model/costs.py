"""What a training step costs: FLOPs and memory, counted from the layers before any work is done."""

import math
from dataclasses import dataclass

import keras

from facegan_tf.model.gan import GAN
from facegan_tf.model.state import state_bytes

FLOAT_BYTES = 4

OVERHEAD_BYTES = 100 * 2**20
"""Graphs, kernels and the threads' buffers: 80 to 120 MiB when measured, whatever the nets and the batch."""


@dataclass(frozen=True)
class StepCosts:
    """Costs of one training step."""

    flops: int
    """Floating-point operations; a multiply and an add are two."""
    memory_bytes: int
    """Estimated peak memory, besides TensorFlow itself.

    It counts weights, gradients, optimizer slots, the activations of the larger of the two updates, and
    OVERHEAD_BYTES. Peaks measured on a CPU are 0.6 to 1.1 times this in float32, with penalties or without,
    for batches of 16 to 512. In bfloat16 they are 0.8 to 1.4 times this, for batches of 64 and 256. For the
    residual family they are 0.4 times this in both.
    """


def trainable_parameters(layer: keras.Layer) -> int:
    """How many numbers a layer or a whole model learns, without the averages of batch normalisation."""
    return sum(math.prod(weight.shape) for weight in layer.trainable_weights)


def forward_flops(model: keras.Model) -> int:
    """FLOPs of one image's forward pass: those of dense and convolution layers, 2 per multiply-add."""
    return sum(layer_flops(layer) for layer in model.layers)


def layer_flops(layer: keras.Layer) -> int:
    """FLOPs of one image's forward pass through a dense or convolution layer; 0 for any other layer."""
    if isinstance(layer, keras.layers.Dense):
        return 2 * math.prod(layer.kernel.shape)
    # A convolution applies its kernel once at each place of its output, a transposed one of its input.
    if isinstance(layer, keras.layers.Conv2DTranspose):
        return 2 * math.prod(layer.kernel.shape) * math.prod(layer.input.shape[1:3])
    if isinstance(layer, (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)):
        return 2 * math.prod(layer.kernel.shape) * math.prod(layer.output.shape[1:3])
    return 0


def activation_values(model: keras.Model) -> int:
    """How many numbers all layers return for one image."""
    return sum(math.prod(each.output.shape[1:]) for each in model.layers)


def activation_bytes(model: keras.Model) -> int:
    """Bytes of all layers' outputs for one image, as training keeps them for the gradients."""
    return sum(math.prod(each.output.shape[1:]) * _value_bytes(each) for each in model.layers)


def _value_bytes(layer: keras.Layer) -> int:
    """Size of one number of a layer's output, which follows the precision."""
    return (
        2 if keras.backend.standardize_dtype(layer.output.dtype) in ("float16", "bfloat16") else FLOAT_BYTES
    )


def step_costs(gan: GAN, batch_size: int) -> StepCosts:
    """Costs of one `train_on_batch` with batches of `batch_size`; for lazy penalties, the average."""
    generator, discriminator = forward_flops(gan.generator), forward_flops(gan.discriminator)
    learning = sum(layer_flops(layer) for layer in gan.discriminator.layers if layer.trainable_weights)
    # Backward costs twice forward: once for the inputs' gradients and once for the weights', which
    # the combined step doesn't need for the discriminator. Frozen first layers need neither.
    critic_flops = generator + 2 * (discriminator + 2 * learning)
    # A gradient penalty passes forward and back to the images, then back through both of these passes.
    penalties = len(gan.objective.penalties) / gan.objective.penalty_every
    critic_flops += int(penalties * 3 * (discriminator + learning))
    forward = 2 if gan.objective.loss.generator_sees_reals else 1
    combined_flops = 3 * generator + (forward + _batches_to_generator(gan)) * discriminator
    return StepCosts(
        flops=batch_size * (gan.config.training.critic_steps * critic_flops + combined_flops),
        memory_bytes=_fixed_bytes(gan) + batch_size * _bytes_an_image(gan),
    )


def largest_batch(gan: GAN, memory_bytes: int) -> int:
    """The largest batch size whose step fits in this much memory; 0 if not even one image fits."""
    return max(0, (memory_bytes - _fixed_bytes(gan)) // _bytes_an_image(gan))


def _batches_to_generator(gan: GAN) -> int:
    """How many batches the discriminator passes back to the generator: its fakes, and reals joined to them.

    No gradient flows back from reals in a batch of their own.
    """
    joint = gan.config.objective.batching == "joint"
    return 2 if gan.objective.loss.generator_sees_reals and joint else 1


def _fixed_bytes(gan: GAN) -> int:
    """Memory that does not grow with the batch: nets, optimizers, gradients, overhead."""
    gradients = FLOAT_BYTES * sum(trainable_parameters(m) for m in (gan.generator, gan.discriminator))
    return state_bytes(gan) + gradients + OVERHEAD_BYTES


def _bytes_an_image(gan: GAN) -> int:
    """Memory of the activations of a real and a fake, and of their gradients."""
    # The critic's generator pass keeps nothing for gradients; a backward pass holds about as much
    # again as the activations that it consumes, at its widest layer.
    generator, discriminator = activation_bytes(gan.generator), activation_bytes(gan.discriminator)
    activations = max(2 * discriminator, generator + _batches_to_generator(gan) * discriminator)
    # Each penalty keeps its pass to the logits and back to the images, both in float32 whatever the
    # precision, for the gradients' own gradient.
    activations += 2 * len(gan.objective.penalties) * FLOAT_BYTES * activation_values(gan.discriminator)
    return activations + 2 * max(_widest_bytes(gan.generator), 2 * _widest_bytes(gan.discriminator))


def _widest_bytes(model: keras.Model) -> int:
    return max(math.prod(each.output.shape[1:]) * _value_bytes(each) for each in model.layers)
