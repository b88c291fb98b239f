"""The functions that draw faces: `facegan sample` runs them, and an exported SavedModel serves them.

There are three signatures, for any number N of faces (L: length of a latent, S: pixels a side):

    serving_default   latents float32 [N, L]                           -> images uint8 [N, S, S, 3]
    png               latents float32 [N, L]                           -> image_bytes string [N], PNG files
    sample            seeds int64 [N], truncation float32 [] or [N]    -> images and image_bytes

A run and its export run the same code, so they draw the same face from the same seed.
"""

from collections.abc import Callable

import keras
import tensorflow as tf

from facegan_tf.common import draws
from facegan_tf.common.images import to_uint8

Signature = Callable[..., dict[str, tf.Tensor]]


def signatures(generator: keras.Model) -> dict[str, tuple[Signature, list[tf.TensorSpec]]]:
    """Map the name of each signature to its function and the specs of its inputs."""
    latent_dim = generator.input_shape[1]

    def serving_default(latents: tf.Tensor) -> dict[str, tf.Tensor]:
        # oneDNN's convolutions give an empty batch the wrong shape, so draw one image and cut it off.
        count = tf.shape(latents)[0]
        padded = tf.pad(latents, [[0, tf.cast(count == 0, tf.int32)], [0, 0]])
        return {"images": to_uint8(generator(padded, training=False))[:count]}

    def png(latents: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"image_bytes": _encode(serving_default(latents)["images"])}

    def sample(seeds: tf.Tensor, truncation: tf.Tensor) -> dict[str, tf.Tensor]:
        latents = _truncated(draws.latents_of_seeds(seeds, latent_dim), truncation)
        images = serving_default(latents)["images"]
        return {"images": images, "image_bytes": _encode(images)}

    latents_spec = tf.TensorSpec([None, latent_dim], tf.float32, name="latents")
    seeds_spec = tf.TensorSpec([None], tf.int64, name="seeds")
    # Of unknown rank: TensorFlow Serving's row format, and its batching, stack one value per request to [N].
    truncation_spec = tf.TensorSpec(None, tf.float32, name="truncation")
    return {
        "serving_default": (serving_default, [latents_spec]),
        "png": (png, [latents_spec]),
        "sample": (sample, [seeds_spec, truncation_spec]),
    }


def _truncated(latents: tf.Tensor, truncation: tf.Tensor) -> tf.Tensor:
    """Scale latents [N, L] by one number, or row by row by [N] numbers; any other shape is an error."""
    count = tf.shape(latents)[0]
    one_a_row = tf.logical_and(tf.equal(tf.rank(truncation), 1), tf.equal(tf.size(truncation), count))
    valid = tf.logical_or(tf.equal(tf.rank(truncation), 0), one_a_row)
    message = "truncation: must be one number, or one for each seed. Its shape and the number of seeds are:"
    with tf.control_dependencies([tf.debugging.Assert(valid, [message, tf.shape(truncation), count])]):
        return latents * tf.reshape(truncation, [-1, 1])


def _encode(images: tf.Tensor) -> tf.Tensor:
    return tf.map_fn(tf.io.encode_png, images, fn_output_signature=tf.TensorSpec([], tf.string))
