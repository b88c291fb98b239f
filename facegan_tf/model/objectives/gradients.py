"""Gradients of the discriminator with respect to images, for penalties."""

from collections.abc import Callable

import tensorflow as tf


def mean_squared_norm(logits_of: Callable[[tf.Tensor], tf.Tensor], images: tf.Tensor) -> tf.Tensor:
    """The mean over images [N, S, S, 3] of the squared norm of the logits' gradient, which sums over pixels.

    It takes another pass of the discriminator, in training mode. With batch normalisation, a logit depends on
    all images of its batch: an image's gradient is then that of the sum of all logits, not of its own.
    """
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(images)
        logits = tf.reduce_sum(logits_of(images))
    gradients = tape.gradient(logits, images)
    return tf.reduce_mean(tf.reduce_sum(tf.square(gradients), axis=[1, 2, 3]))
