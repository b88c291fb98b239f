import io
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from facegan_tf import load_generator, train
from facegan_tf.common.errors import InputError
from facegan_tf.run.restore import restore_run
from facegan_tf.serving.export import export_savedmodel
from tests.helpers.configs import tiny_config

SEEDS = [0, 3, 2**40, 7, 1]

# Another process, as a service has it: facegan_tf can't be imported there.
SERVICE = """
import sys
import numpy as np
sys.modules["facegan_tf"] = None
import tensorflow as tf
loaded = tf.saved_model.load(sys.argv[1])
faces = loaded.signatures["sample"](
    seeds=tf.constant([0, 3, 2**40, 7, 1], tf.int64), truncation=tf.constant(0.7)
)
np.save(sys.argv[2], faces["images"].numpy())
"""


@pytest.fixture(scope="module")
def run(store_folder, tmp_path_factory):
    return train(tiny_config(store_folder), tmp_path_factory.mktemp("runs") / "run")


@pytest.fixture(scope="module")
def exported(run, tmp_path_factory):
    out = tmp_path_factory.mktemp("exports") / "export"
    export_savedmodel(restore_run(run)[0].generator, out)
    return out


@pytest.fixture(scope="module")
def signatures(exported):
    loaded = tf.saved_model.load(str(exported))
    return {name: loaded.signatures[name] for name in loaded.signatures} | {"keep": loaded}


def decode(encoded):
    assert all(item.startswith(b"\x89PNG") for item in encoded)
    return np.stack([np.asarray(Image.open(io.BytesIO(item))) for item in encoded])


def test_there_are_three_signatures_with_the_promised_types(signatures):
    assert set(signatures) - {"keep"} == {"serving_default", "png", "sample"}
    latents = tf.TensorSpec([None, 4], tf.float32, name="latents")
    for name in ("serving_default", "png"):
        assert signatures[name].structured_input_signature == ((), {"latents": latents})
    assert signatures["sample"].structured_input_signature == (
        (),
        {
            "seeds": tf.TensorSpec([None], tf.int64, name="seeds"),
            "truncation": tf.TensorSpec([], tf.float32, name="truncation"),
        },
    )
    outputs = {name: signatures[name].structured_outputs for name in ("serving_default", "png", "sample")}
    assert {name: set(of) for name, of in outputs.items()} == {
        "serving_default": {"images"},
        "png": {"image_bytes"},
        "sample": {"images", "image_bytes"},
    }
    assert outputs["sample"]["images"].dtype == tf.uint8
    assert outputs["sample"]["images"].shape.as_list() == [None, 32, 32, 3]
    assert outputs["sample"]["image_bytes"].dtype == tf.string


@pytest.mark.parametrize("count", [0, 1, 5])
def test_latents_become_the_generators_pixels_at_any_batch_size(run, signatures, count):
    latents = np.random.default_rng(count).normal(size=(5, 4)).astype("float32")
    served = signatures["serving_default"](latents=latents[:count])["images"].numpy()
    values = restore_run(run)[0].generator(latents).numpy().astype(np.float64)[:count]
    expected = np.clip(np.round((values + 1) * 127.5), 0, 255)
    assert served.shape == (count, 32, 32, 3)
    assert np.abs(served - expected).max(initial=0) <= 1
    assert (served != expected).sum() <= 0.001 * served.size


def test_png_is_the_same_pixels_encoded(signatures):
    latents = tf.random.stateless_normal([3, 4], [1, 2])
    images = signatures["serving_default"](latents=latents)["images"].numpy()
    np.testing.assert_array_equal(decode(signatures["png"](latents=latents)["image_bytes"].numpy()), images)


def test_sample_gives_images_and_the_same_as_png(signatures):
    faces = signatures["sample"](seeds=tf.constant(SEEDS, tf.int64), truncation=tf.constant(1.0))
    np.testing.assert_array_equal(decode(faces["image_bytes"].numpy()), faces["images"].numpy())


def test_a_seed_gives_the_same_face_whatever_else_is_asked_for(signatures):
    sample, whole = signatures["sample"], tf.constant(1.0)
    together = sample(seeds=tf.constant(SEEDS, tf.int64), truncation=whole)["images"].numpy().astype(int)
    for row, seed in zip(together, SEEDS, strict=True):
        alone = sample(seeds=tf.constant([seed], tf.int64), truncation=whole)["images"].numpy()[0]
        assert np.abs(row - alone).max() <= 1
    assert len({face.tobytes() for face in together}) == len(SEEDS)


def test_truncation_scales_the_latents(run, signatures):
    latents = load_generator(run).latents(SEEDS)
    truncated = signatures["sample"](seeds=tf.constant(SEEDS, tf.int64), truncation=tf.constant(0.25))
    expected = signatures["serving_default"](latents=0.25 * latents)["images"].numpy()
    np.testing.assert_array_equal(truncated["images"].numpy(), expected)
    none = signatures["sample"](seeds=tf.constant([1, 2], tf.int64), truncation=tf.constant(0.0))["images"]
    np.testing.assert_array_equal(none[0], none[1])


def test_another_process_without_this_package_gets_the_same_bits_as_the_run(run, exported, tmp_path):
    subprocess.run(
        [sys.executable, "-c", SERVICE, exported, tmp_path / "faces.npy"], check=True, cwd=tmp_path
    )
    served = np.load(tmp_path / "faces.npy")
    np.testing.assert_array_equal(served, load_generator(run).sample(SEEDS, truncation=0.7))
    np.testing.assert_array_equal(served, load_generator(exported).sample(SEEDS, truncation=0.7))


def test_more_faces_than_a_batch_are_the_same_as_in_parts(run):
    generator = load_generator(run)
    many = generator.sample(range(40))
    np.testing.assert_array_equal(many[32:], generator.sample(range(32, 40)))
    latents = generator.latents(range(40))
    np.testing.assert_array_equal(many, generator.draw(latents))


def test_latents_of_any_float_type_are_drawn_and_other_shapes_are_refused(run):
    generator = load_generator(run)
    latents = generator.latents([1, 2])
    np.testing.assert_array_equal(generator.draw(latents.astype(np.float64)), generator.draw(latents))
    for bad in (latents[0], latents[:, :3], latents[:0]):
        with pytest.raises(ValueError, match=r"must be \[N, 4\]"):
            generator.draw(bad)


def test_an_existing_folder_is_never_written_into(run, tmp_path):
    with pytest.raises(InputError, match="is there already"):
        export_savedmodel(restore_run(run)[0].generator, tmp_path)
    assert not list(tmp_path.iterdir())


def test_what_is_neither_a_run_nor_a_savedmodel_is_refused(tmp_path):
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(InputError, match="neither a run directory"):
            load_generator(path)
    (tmp_path / "saved_model.pb").write_bytes(b"not a graph")
    with pytest.raises(InputError, match="can't be loaded as a SavedModel"):
        load_generator(tmp_path)


def test_a_savedmodel_of_something_else_is_refused(tmp_path):
    module = tf.Module()
    module.double = tf.function(lambda x: 2 * x, input_signature=[tf.TensorSpec([], tf.float32)])
    tf.saved_model.save(module, str(tmp_path / "other"), signatures=module.double)
    with pytest.raises(InputError, match="is not a SavedModel that `facegan export` wrote"):
        load_generator(tmp_path / "other")


def test_a_savedmodel_in_place_of_a_run_is_called_what_it_is(exported):
    with pytest.raises(InputError, match="is a SavedModel; give the run directory"):
        restore_run(exported)


def test_a_run_without_a_checkpoint_is_refused(run, tmp_path):
    (tmp_path / "config.yaml").write_bytes((run / "config.yaml").read_bytes())
    with pytest.raises(InputError, match="holds no checkpoint"):
        load_generator(tmp_path)
