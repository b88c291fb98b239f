import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from facegan_tf.common.errors import InputError
from facegan_tf.evaluation.feature_network import NoNetworkError
from facegan_tf.evaluation.feature_networks import NETWORKS, load_feature_network


def images(count=3, size=32):
    return np.random.default_rng(0).integers(0, 256, (count, size, size, 3)).astype(np.float32)


def test_a_keras_file_gets_images_in_its_range(network_file):
    network = load_feature_network(str(network_file), input_range=(0, 2))
    assert network.size == 32
    np.testing.assert_allclose(network.scaled(np.array([0, 127.5, 255], np.float32)), [0, 1, 2])
    model = keras.saving.load_model(network_file, compile=False)
    expected = model(images() * 2 / 255, training=False)
    np.testing.assert_allclose(network.compute(network.scaled(images())), expected, rtol=1e-5)
    assert load_feature_network(str(network_file)).range == (-1, 1)


def test_the_hash_depends_on_weights_and_settings_and_on_nothing_else(tmp_path, network_file):
    def saved(change):
        model = keras.saving.load_model(network_file, compile=False)
        change(model)
        model.save(tmp_path / "changed.keras")
        return load_feature_network(str(tmp_path / "changed.keras")).sha256

    def other_weight(model):
        kernel, bias = model.layers[1].get_weights()
        model.layers[1].set_weights([kernel, bias + 1e-6])

    def other_setting(model):
        model.layers[1].strides = (2, 2)

    original = load_feature_network(str(network_file)).sha256
    assert saved(lambda model: None) == original
    assert len({original, saved(other_weight), saved(other_setting)}) == 3


@pytest.mark.slow
def test_the_hash_is_the_same_in_another_process(network_file):
    code = (
        "from facegan_tf.evaluation.feature_networks import load_feature_network as load;"
        f"print(load({str(network_file)!r}).sha256)"
    )
    there = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert there.stdout.split()[-1] == load_feature_network(str(network_file)).sha256


def save_model(path, inputs, outputs):
    keras.Model(inputs, outputs).save(path)
    return str(path)


def test_what_is_not_a_feature_network_is_refused(tmp_path):
    image = keras.Input((32, 32, 3))
    (tmp_path / "broken.keras").write_bytes(b"PK not a zip at all")
    vector = keras.Input((7,))
    refused = {
        str(tmp_path / "missing.keras"): "no such file",
        str(tmp_path / "broken.keras"): "can't be loaded",
        save_model(
            tmp_path / "maps.keras", image, keras.layers.Conv2D(2, 3)(image)
        ): "GlobalAveragePooling2D",
        save_model(tmp_path / "vector.keras", vector, keras.layers.Dense(2)(vector)): "takes",
        "resnet": "inception, inception-2015, none",
    }
    any_size = keras.Input((None, None, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(any_size)
    refused[save_model(tmp_path / "any.keras", any_size, pooled)] = "takes"
    for name, words in refused.items():
        with pytest.raises(InputError) as caught:
            load_feature_network(name)
        assert (caught.value.name, str(caught.value.value)) == ("features", name)
        assert words in caught.value.problem


def test_parameters_that_dont_belong_together_are_refused(tmp_path, network_file):
    weights = tmp_path / "weights.h5"

    def refused(*arguments, **options):
        with pytest.raises(InputError) as caught:
            load_feature_network(*arguments, **options)
        return caught.value.name, caught.value.value

    assert refused("inception", weights) == ("feature_weights", weights)
    weights.write_bytes(b"not weights")
    assert refused("inception", weights) == ("feature_weights", weights)
    assert refused(str(network_file), weights) == ("feature_weights", weights)
    assert refused("inception", input_range=(0, 1)) == ("input_range", (0, 1))
    for pair in ((1, 1), (2, 1), (0, float("inf"))):
        assert refused(str(network_file), input_range=pair) == ("input_range", pair)
    assert refused("inception-2015") == ("features", "inception-2015")


def test_a_failed_download_names_the_ways_out(monkeypatch):
    def no_network(*args, **kwargs):
        raise OSError("Name or service not known")

    monkeypatch.setattr(keras.applications, "InceptionV3", no_network)
    with pytest.raises(NoNetworkError) as caught:
        load_feature_network("inception")
    assert str(caught.value).startswith(
        "The feature network could not be downloaded (OSError: Name or service"
    )
    for way in ("internet connection", "`feature_weights`", "`features`"):
        assert way in str(caught.value)


def test_a_network_is_added_by_one_entry(monkeypatch, network_file):
    other = load_feature_network(str(network_file))
    monkeypatch.setitem(NETWORKS, "zebra-net", lambda weights: other)
    assert load_feature_network("zebra-net") is other
    with pytest.raises(InputError, match="zebra-net"):
        load_feature_network("resnet")


@pytest.mark.slow
def test_inceptions_weights_may_come_from_a_file(tmp_path):
    keras.utils.set_random_seed(0)
    size = (299, 299, 3)
    model = keras.applications.InceptionV3(include_top=False, pooling="avg", weights=None, input_shape=size)
    model.save_weights(tmp_path / "inception.weights.h5")
    network = load_feature_network("inception", tmp_path / "inception.weights.h5")
    features = network.compute(network.scaled(images(1, 299)))
    assert (network.size, features.shape) == (299, (1, 2048))
    np.testing.assert_allclose(
        features, model(images(1, 299) / 127.5 - 1, training=False), rtol=1e-3, atol=1e-5
    )


def old_graph(path, channels=5):
    """A small graph with the tensors' names of 2015's Inception, and an op of its age."""
    kernel = np.random.default_rng(0).normal(size=(3, 3, 3, channels)).astype(np.float32)
    graph = tf.Graph()
    with graph.as_default():
        contents = tf.compat.v1.placeholder(tf.float32, [1, 299, 299, 3], name="ExpandDims")
        scaled = tf.multiply(tf.subtract(contents, 128.0, name="Sub"), 1 / 128, name="Mul")
        maps = tf.nn.conv2d(scaled, kernel, 16, "VALID")
        tf.nn.avg_pool2d(maps, maps.shape[1], 1, "VALID", name="pool_3")
    definition = graph.as_graph_def()
    definition.versions.producer = 8  # as in 2015
    pool = next(node for node in definition.node if node.name == "pool_3")
    normal = definition.node.add(name="normal", op="BatchNormWithGlobalNormalization")
    normal.attr["T"].type = tf.float32.as_datatype_enum
    normal.attr["variance_epsilon"].f = 0.0
    normal.attr["scale_after_normalization"].b = True
    for name, value in [("mean", 0.0), ("variance", 1.0), ("beta", 0.0), ("gamma", 2.0)]:
        constant = definition.node.add(name=name, op="Const")
        constant.attr["dtype"].type = tf.float32.as_datatype_enum
        constant.attr["value"].tensor.CopyFrom(tf.make_tensor_proto([value] * channels, tf.float32))
    normal.input.extend([pool.input[0], "mean", "variance", "beta", "gamma"])
    pool.input[0] = "normal"
    path.write_bytes(definition.SerializeToString())
    return kernel


def test_the_graph_of_2015_is_run_from_its_scaled_images_to_its_pool(tmp_path):
    kernel = old_graph(tmp_path / "graph.pb")
    network = load_feature_network("inception-2015", tmp_path / "graph.pb")
    batch = images(3, 299)
    scaled = network.scaled(batch)
    np.testing.assert_allclose(scaled, (batch - 128) / 128, atol=1e-6)
    expected = 2 * tf.reduce_mean(tf.nn.conv2d(scaled, kernel, 16, "VALID"), axis=(1, 2))
    np.testing.assert_allclose(network.compute(scaled), expected, rtol=1e-3, atol=1e-4)


def test_another_graph_is_refused(tmp_path):
    (tmp_path / "noise.pb").write_bytes(b"\x00 not a graph")
    graph = tf.Graph()
    with graph.as_default():
        tf.compat.v1.placeholder(tf.float32, name="something")
    (tmp_path / "other.pb").write_bytes(graph.as_graph_def().SerializeToString())
    for name in ("noise.pb", "other.pb"):
        with pytest.raises(InputError) as caught:
            load_feature_network("inception-2015", tmp_path / name)
        assert (caught.value.name, caught.value.value) == ("feature_weights", tmp_path / name)
