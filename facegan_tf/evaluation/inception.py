"""Inception-v3 as a feature network: with Keras' weights, or as the graph behind published FIDs."""

import contextlib
import hashlib
import sys
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from facegan_tf.common.errors import InputError
from facegan_tf.evaluation.feature_network import FeatureNetwork, NoNetworkError, network_of, with_type

SIZE = 299


def load_inception(weights: Path | None) -> FeatureNetwork:
    """Inception-v3 of Keras Applications, 2,048 features; `weights`: an .h5 file, in place of the download.

    Raises InputError if the file doesn't fit, NoNetworkError if the weights can't be downloaded.
    """
    try:
        with contextlib.redirect_stdout(sys.stderr):  # Keras prints about its download; stdout is for results
            model = keras.applications.InceptionV3(
                include_top=False,
                pooling="avg",
                weights=str(weights) if weights else "imagenet",
                input_shape=(SIZE, SIZE, 3),
            )
    except Exception as error:
        if weights:
            problem = f"does not hold the weights of Keras' InceptionV3 without its top: {with_type(error)}"
            raise InputError("feature_weights", weights, problem) from error
        raise NoNetworkError(
            None,
            None,
            f"The feature network could not be downloaded ({with_type(error)}). Run this once where there "
            "is an internet connection, and Keras keeps the file in ~/.keras; or copy "
            "inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5 to this machine and give its path as "
            "`feature_weights`; or give a .keras file as `features`",
        ) from error
    return network_of(model, "inception", SIZE, (-1.0, 1.0))


def load_inception_2015(weights: Path | None) -> FeatureNetwork:
    """The graph `classify_image_graph_def.pb` of TensorFlow's models of 2015-12-05, 2,048 features.

    Raises InputError if `weights` is missing or isn't that graph.
    """
    if weights is None:
        raise InputError(
            "features",
            "inception-2015",
            "needs the file classify_image_graph_def.pb of TensorFlow's models of 2015-12-05, which can't be "
            "downloaded here; give its path as `feature_weights`",
        )
    content = weights.read_bytes()
    graph = tf.Graph()
    try:
        definition = tf.compat.v1.GraphDef.FromString(content)
        with graph.as_default():
            # Enter the graph after its own resizing, which aliases, and its scaling, (x - 128) / 128.
            images = tf.compat.v1.placeholder(tf.float32, [None, SIZE, SIZE, 3])
            (pooled,) = tf.import_graph_def(definition, {"Mul:0": images}, ["pool_3:0"], name="")
    except Exception as error:
        problem = f"is not the graph of Inception 2015-12-05, with tensors Mul and pool_3: {with_type(error)}"
        raise InputError("feature_weights", weights, problem) from error
    session = tf.compat.v1.Session(graph=graph)

    def compute(batch: tf.Tensor) -> np.ndarray:
        features = session.run(pooled, {images: np.asarray(batch)})
        return features.reshape(len(features), -1)

    digest = hashlib.sha256(content).hexdigest()
    return FeatureNetwork("inception-2015", SIZE, (-1.0, 127 / 128), digest, compute)
