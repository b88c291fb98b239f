import numpy as np
import pytest

from facegan_tf.common.errors import FaceganError
from facegan_tf.data.store import FaceStore
from facegan_tf.evaluation import features
from facegan_tf.evaluation.feature_networks import load_feature_network
from facegan_tf.evaluation.features import FeatureCache, extract
from facegan_tf.evaluation.resize import resize


@pytest.fixture(scope="module")
def network(network_file):
    return load_feature_network(str(network_file))


@pytest.fixture(scope="module")
def store(store_folder):
    return FaceStore.open(store_folder)


def test_features_are_the_networks_in_order_whatever_the_batch(network, store):
    images = store.gather(np.arange(24))
    expected = network.compute(network.scaled(resize(images, 32)))
    for batch_size in (1, 7, 24, 100):
        found = extract(network, store.gather, 24, batch_size=batch_size)
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7)


def test_features_that_are_not_finite_are_an_error(network, store):
    import dataclasses

    broken = dataclasses.replace(network, compute=lambda images: np.full((len(images), 2), np.nan))
    with pytest.raises(FaceganError, match="not finite"):
        extract(broken, store.gather, 8)


def counted(monkeypatch):
    calls = []
    real = features.extract

    def counting(*args, **kwargs):
        calls.append(1)
        return real(*args, **kwargs)

    monkeypatch.setattr(features, "extract", counting)
    return calls


def test_the_references_features_are_computed_once(tmp_path, monkeypatch, network, store):
    calls = counted(monkeypatch)
    cache = FeatureCache(tmp_path)
    first = cache.features_of(store, network, 20)
    again = FeatureCache(tmp_path).features_of(store, network, 20)
    assert len(calls) == 1
    np.testing.assert_array_equal(first, again)
    assert len(cache.features_of(store, network, 21)) == 21
    assert len(calls) == 2


def test_another_network_range_or_count_has_another_file(tmp_path, network_file, network, store):
    other_range = load_feature_network(str(network_file), input_range=(0, 1))
    cache = FeatureCache(tmp_path)
    assert cache.path(store, network, 8) != cache.path(store, other_range, 8)
    assert cache.path(store, network, 8) != cache.path(store, network, 9)


@pytest.mark.parametrize("damage", [b"", b"\x93NUMPY\x01\x00", b"no numbers"])
def test_a_damaged_cache_file_is_named_and_computed_again(
    tmp_path, monkeypatch, capsys, network, store, damage
):
    cache = FeatureCache(tmp_path)
    whole = cache.features_of(store, network, 10)
    path = cache.path(store, network, 10)
    path.write_bytes(damage)
    np.testing.assert_array_equal(cache.features_of(store, network, 10), whole)
    assert f"{path}: is damaged" in capsys.readouterr().err
    np.testing.assert_array_equal(np.load(path), whole)


def test_a_cache_that_cant_be_written_causes_a_message_and_no_failure(tmp_path, capsys, network, store):
    (tmp_path / "file").write_bytes(b"")
    assert len(FeatureCache(tmp_path / "file").features_of(store, network, 10)) == 10
    assert str(tmp_path / "file") in capsys.readouterr().err
