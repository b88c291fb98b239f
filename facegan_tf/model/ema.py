"""The exponential moving average of the generator, which draws better faces than the generator itself.

Yazici et al., "The Unusual Effectiveness of Averaging in GAN Training" (2019); the half-life in images and
its ramp are those of Karras et al., "Training Generative Adversarial Networks with Limited Data" (2020).
"""

import keras
import tensorflow as tf

RAMP = 0.05
"""Largest half-life, as a share of the images seen so far, so that the first weights are soon forgotten."""


def update_average(
    average: keras.Model,
    net: keras.Model,
    half_life: float | tf.Tensor,
    images_seen: tf.Tensor | None,
    images: int,
) -> None:
    """Move `average` towards `net` after a step of `images` images; both have the same layers.

    half_life: images after which a weight counts half. images_seen: by the run, including this step's; None:
    no ramp. Floats are averaged, including batch normalisation's statistics: averages describe the averaged
    net's activations better than the newest statistics. Anything else, such as a dropout's seed, is copied.
    """
    half_life = _in_64_bits(half_life)
    if images_seen is not None:
        half_life = tf.minimum(half_life, RAMP * tf.cast(images_seen, tf.float64))
    keep = tf.pow(tf.constant(0.5, tf.float64), images / half_life)
    for target, source in zip(average.variables, net.variables, strict=True):
        if source.dtype.startswith("float"):
            share = tf.cast(1.0 - keep, source.dtype)
            target.value.assign_add(share * (source.value - target.value))
        else:
            target.value.assign(source.value)


def _in_64_bits(number: float | tf.Tensor) -> tf.Tensor:
    """A float64 tensor; a Python float would lose digits in `tf.cast`, which makes it float32 first."""
    return tf.cast(number, tf.float64) if tf.is_tensor(number) else tf.constant(number, tf.float64)
