"""`load_generator` and the FaceGenerator that it returns."""

import doctest
import signal
import threading
import time

import numpy as np
import pytest
import tensorflow as tf

from facegan_tf import load_generator, train
from facegan_tf.common.errors import InputError
from facegan_tf.model.build import build_gan
from facegan_tf.run.restore import restore_run
from facegan_tf.serving.export import export_savedmodel
from facegan_tf.serving.generator import BATCH, FaceGenerator
from tests.helpers.configs import tiny_config

LATENT_DIM = 4


@pytest.fixture(scope="module")
def run(store_folder, tmp_path_factory):
    return train(tiny_config(store_folder), tmp_path_factory.mktemp("runs") / "run")


@pytest.fixture(scope="module")
def generator():
    return FaceGenerator.of(build_gan(tiny_config()))


def test_drawing_more_faces_than_a_batch_changes_none(generator):
    each = np.linspace(0.1, 1, 40)
    for truncation, of_the_rest in [(1.0, 1.0), (0.5, 0.5), (each, each[32:])]:
        many = generator.sample(range(40), truncation)
        np.testing.assert_array_equal(many[32:], generator.sample(range(32, 40), of_the_rest))
    latents = generator.latents(range(40))
    np.testing.assert_array_equal(generator.sample(range(40)), generator.draw(latents))


def test_on_ctrl_c_the_faces_that_are_left_are_not_drawn():
    drawn = []

    def draw(latents):
        drawn.append(len(latents))
        if len(drawn) == 3:
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        time.sleep(0.05)  # all batches take 2.5 s, and the main thread stops them at once
        return {"images": tf.zeros([len(latents), 2, 2, 3], tf.uint8)}

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            FaceGenerator(draw, LATENT_DIM).sample(range(100 * BATCH))
    finally:
        signal.signal(signal.SIGINT, before)
    assert len(drawn) < 50


@pytest.mark.parametrize("count", [1, 4, 6])
def test_the_network_gets_batches_of_one_size_so_that_rounding_never_differs(count):
    sizes = []

    def draw(latents):
        sizes.append(latents.shape[0])
        return {"images": tf.zeros([len(latents), 2, 2, 3], tf.uint8)}

    assert FaceGenerator(draw, LATENT_DIM).sample(range(count)).shape == (count, 2, 2, 3)
    assert sizes == [BATCH] * -(-count // BATCH)


@pytest.mark.parametrize("count", [1, LATENT_DIM, 20])
def test_each_seed_may_have_its_own_truncation(generator, count):
    each = np.linspace(0.2, 1, count)
    latents = generator.latents(range(count))
    expected = generator.draw(latents * each.astype(np.float32)[:, np.newaxis])
    np.testing.assert_array_equal(generator.sample(range(count), list(each)), expected)
    np.testing.assert_array_equal(
        generator.sample(range(count), [0.5] * count), generator.sample(range(count), 0.5)
    )


@pytest.mark.parametrize("bad", [[], [1.0], [1.0] * 4, [[1.0]] * 3, np.nan, [1.0, np.inf, 1.0]])
def test_a_wrong_truncation_is_refused(generator, bad):
    with pytest.raises(InputError) as caught:
        generator.sample([1, 2, 3], bad)
    assert caught.value.name == "truncation"


@pytest.mark.parametrize("bad", [[], [-1], [2**63], [1.5], ["1"]])
def test_wrong_seeds_are_refused_not_rounded(generator, bad):
    for draw in (generator.sample, generator.latents):
        with pytest.raises(InputError) as caught:
            draw(bad)
        assert caught.value.name == "seeds"


def test_seeds_may_be_any_kind_of_whole_number(generator):
    expected = generator.sample([1, 2**63 - 1])
    np.testing.assert_array_equal(generator.sample(np.array([1, 2**63 - 1])), expected)
    np.testing.assert_array_equal(generator.sample(tf.constant([1, 2**63 - 1], tf.int64)), expected)


def test_latents_of_any_float_type_are_drawn_and_other_shapes_are_refused(generator):
    latents = generator.latents([1, 2])
    np.testing.assert_array_equal(generator.draw(latents.astype(np.float64)), generator.draw(latents))
    for bad in (latents[0], latents[:, :3], latents[:0]):
        with pytest.raises(InputError) as caught:
            generator.draw(bad)
        assert (caught.value.name, caught.value.value) == ("latents", list(bad.shape))


def test_it_draws_with_the_current_weights_of_a_gan_in_training():
    gan = build_gan(tiny_config())
    generator = FaceGenerator.of(gan)
    before = generator.sample([1])
    for variable in gan.generator.trainable_variables:
        variable.assign(variable * 3)
    assert (generator.sample([1]) != before).any()


def test_the_example_in_the_documentation_works(run, tmp_path, monkeypatch):
    (tmp_path / "outputs").mkdir()
    (tmp_path / "outputs" / "quickstart").symlink_to(run)
    monkeypatch.chdir(tmp_path)
    [example] = doctest.DocTestFinder().find(load_generator, globs={})
    assert doctest.DocTestRunner().run(example).failed == 0 < len(example.examples)


def test_a_path_that_is_neither_a_run_nor_a_savedmodel_is_refused(tmp_path):
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(InputError, match="neither a run directory") as caught:
            load_generator(path)
        assert str(path) in str(caught.value)
    (tmp_path / "saved_model.pb").write_bytes(b"not a graph")
    with pytest.raises(InputError) as caught:
        load_generator(tmp_path)
    assert (caught.value.name, caught.value.value) == (None, tmp_path)


@pytest.mark.parametrize("spec", [tf.TensorSpec([], tf.float32), tf.TensorSpec([None], tf.float32)])
def test_an_export_of_an_older_version_is_refused(tmp_path, spec):
    module = tf.Module()
    module.draw = tf.function(
        lambda latents: {"images": latents}, input_signature=[tf.TensorSpec([None, 4], name="latents")]
    )
    module.sample = tf.function(
        lambda seeds, truncation: {"images": seeds},
        input_signature=[tf.TensorSpec([None], tf.int64), spec],
    )
    signatures = {"serving_default": module.draw, "sample": module.sample}
    tf.saved_model.save(module, str(tmp_path / "old"), signatures=signatures)
    with pytest.raises(InputError, match="export the run again") as caught:
        load_generator(tmp_path / "old")
    assert caught.value.value == tmp_path / "old"
    assert "sample" in caught.value.problem


def test_a_savedmodel_of_something_else_is_refused(tmp_path):
    module = tf.Module()
    module.double = tf.function(lambda x: 2 * x, input_signature=[tf.TensorSpec([], tf.float32)])
    tf.saved_model.save(module, str(tmp_path / "other"), signatures=module.double)
    with pytest.raises(InputError, match="is not a SavedModel that this version") as caught:
        load_generator(tmp_path / "other")
    assert caught.value.value == tmp_path / "other"


def test_a_savedmodel_has_no_checkpoints_to_choose_from(tmp_path):
    export_savedmodel(build_gan(tiny_config()).generator, tmp_path / "export")
    with pytest.raises(InputError) as caught:
        load_generator(tmp_path / "export", "500")
    assert (caught.value.name, caught.value.value) == ("checkpoint", "500")
    with pytest.raises(InputError, match="is a SavedModel"):
        restore_run(tmp_path / "export")


def test_a_run_without_a_checkpoint_is_refused(run, tmp_path):
    (tmp_path / "config.yaml").write_bytes((run / "config.yaml").read_bytes())
    with pytest.raises(InputError, match="no checkpoint"):
        load_generator(tmp_path)
