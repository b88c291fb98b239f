"""Gradients of the discriminator with respect to images, for penalties."""

import keras
import tensorflow as tf


def mean_squared_norm(discriminator: keras.Model, images: tf.Tensor) -> tf.Tensor:
    """The mean over images [N, S, S, 3] of the squared norm of the logits' gradient, which sums over pixels.

    It takes another pass of the discriminator, in training mode.
    """
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(images)
        logits = tf.reduce_sum(discriminator(images, training=True))  # an image's logit is its own
    gradients = tape.gradient(logits, images)
    return tf.reduce_mean(tf.reduce_sum(tf.square(gradients), axis=[1, 2, 3]))
