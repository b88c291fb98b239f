"""What a generator can be asked: the functions that `facegan sample` runs and that a SavedModel serves.

Three signatures, each for any batch size:

    serving_default   latents float32 [N, L]                         -> images uint8 [N, S, S, 3]
    png               latents float32 [N, L]                         -> image_bytes string [N], PNG
    sample            seeds int64 [N], truncation float32 []         -> images and image_bytes

A face is the same from a run and from its export.
"""

from collections.abc import Callable

import keras
import tensorflow as tf

from facegan_tf.common import draws
from facegan_tf.common.images import to_uint8

Signature = Callable[..., dict[str, tf.Tensor]]


def signatures(generator: keras.Model) -> dict[str, tuple[Signature, list[tf.TensorSpec]]]:
    """Each signature's name -> its function and the specs of its inputs."""
    latent_dim = generator.input_shape[1]

    def serving_default(latents: tf.Tensor) -> dict[str, tf.Tensor]:
        # oneDNN's convolutions give an empty batch a wrong shape: it is drawn as one image, then cut off.
        count = tf.shape(latents)[0]
        padded = tf.pad(latents, [[0, tf.cast(count == 0, tf.int32)], [0, 0]])
        return {"images": to_uint8(generator(padded, training=False))[:count]}

    def png(latents: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"image_bytes": _encode(serving_default(latents)["images"])}

    def sample(seeds: tf.Tensor, truncation: tf.Tensor) -> dict[str, tf.Tensor]:
        latents = truncation * draws.latents_of_seeds(seeds, latent_dim)
        images = serving_default(latents)["images"]
        return {"images": images, "image_bytes": _encode(images)}

    latents_spec = tf.TensorSpec([None, latent_dim], tf.float32, name="latents")
    seeds_spec = tf.TensorSpec([None], tf.int64, name="seeds")
    truncation_spec = tf.TensorSpec([], tf.float32, name="truncation")
    return {
        "serving_default": (serving_default, [latents_spec]),
        "png": (png, [latents_spec]),
        "sample": (sample, [seeds_spec, truncation_spec]),
    }


def _encode(images: tf.Tensor) -> tf.Tensor:
    return tf.map_fn(tf.io.encode_png, images, fn_output_signature=tf.TensorSpec([], tf.string))
