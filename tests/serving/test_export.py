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
LATENT_DIM = 4

# Runs in a process of its own, as a service would: facegan_tf can't be imported there.
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


def sampled(signatures, seeds, truncation):
    return signatures["sample"](
        seeds=tf.constant(seeds, tf.int64), truncation=tf.constant(truncation, tf.float32)
    )


def test_there_are_three_signatures_with_the_documented_types(signatures):
    assert set(signatures) - {"keep"} == {"serving_default", "png", "sample"}
    latents = tf.TensorSpec([None, LATENT_DIM], tf.float32, name="latents")
    for name in ("serving_default", "png"):
        assert signatures[name].structured_input_signature == ((), {"latents": latents})
    assert signatures["sample"].structured_input_signature == (
        (),
        {
            "seeds": tf.TensorSpec([None], tf.int64, name="seeds"),
            "truncation": tf.TensorSpec(None, tf.float32, name="truncation"),
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


@pytest.mark.parametrize("count", [0, 1, LATENT_DIM, 5])
def test_every_output_has_a_row_for_each_row_of_the_inputs(signatures, count):
    latents = np.zeros((count, LATENT_DIM), np.float32)
    outputs = [signatures[name](latents=latents) for name in ("serving_default", "png")]
    outputs += [sampled(signatures, SEEDS[:count], truncation) for truncation in (1.0, [1.0] * count)]
    assert {len(tensor) for output in outputs for tensor in output.values()} == {count}


@pytest.mark.parametrize("count", [0, 1, 5])
def test_latents_become_the_pixels_of_the_generator_at_any_batch_size(run, signatures, count):
    latents = np.random.default_rng(count).normal(size=(5, LATENT_DIM)).astype("float32")
    served = signatures["serving_default"](latents=latents[:count])["images"].numpy()
    values = restore_run(run)[0].generator(latents).numpy().astype(np.float64)[:count]
    expected = np.clip(np.round((values + 1) * 127.5), 0, 255)
    assert served.shape == (count, 32, 32, 3)
    assert np.abs(served - expected).max(initial=0) <= 1
    assert (served != expected).sum() <= 0.001 * served.size


def test_png_encodes_the_same_pixels(signatures):
    latents = tf.random.stateless_normal([3, LATENT_DIM], [1, 2])
    images = signatures["serving_default"](latents=latents)["images"].numpy()
    np.testing.assert_array_equal(decode(signatures["png"](latents=latents)["image_bytes"].numpy()), images)


def test_sample_returns_the_same_faces_as_pixels_and_as_png(signatures):
    faces = sampled(signatures, SEEDS, 1.0)
    np.testing.assert_array_equal(decode(faces["image_bytes"].numpy()), faces["images"].numpy())


def test_a_seed_gives_the_same_face_whatever_is_drawn_with_it(signatures):
    together = sampled(signatures, SEEDS, 1.0)["images"].numpy().astype(int)
    for row, seed in zip(together, SEEDS, strict=True):
        alone = sampled(signatures, [seed], 1.0)["images"].numpy()[0]
        assert np.abs(row - alone).max() <= 1
    assert len({face.tobytes() for face in together}) == len(SEEDS)


@pytest.mark.parametrize("count", [1, 2, LATENT_DIM, 5])
def test_truncation_scales_all_latents_or_each_by_its_own(run, signatures, count):
    latents = load_generator(run).latents(SEEDS[:count])
    each = np.array([0.25, 1.0, 0.0, 0.5, 0.75], np.float32)[:count]
    for truncation, scaled in [(0.25, 0.25 * latents), (each, each[:, np.newaxis] * latents)]:
        expected = signatures["serving_default"](latents=scaled)["images"].numpy()
        found = sampled(signatures, SEEDS[:count], truncation)["images"].numpy()
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    "truncation", [[], [1.0], [1.0] * 2, [1.0] * LATENT_DIM, [[1.0]] * 3, [[1.0] * LATENT_DIM]]
)
def test_a_truncation_of_another_shape_is_an_error_that_names_it(signatures, truncation):
    with pytest.raises(tf.errors.InvalidArgumentError, match="truncation: must be one number, or one for"):
        sampled(signatures, SEEDS[:3], truncation)


@pytest.mark.slow
def test_another_process_without_this_package_gets_the_same_bits_as_the_run(run, exported, tmp_path):
    subprocess.run(
        [sys.executable, "-c", SERVICE, exported, tmp_path / "faces.npy"], check=True, cwd=tmp_path
    )
    served = np.load(tmp_path / "faces.npy")
    np.testing.assert_array_equal(served, load_generator(run).sample(SEEDS, truncation=0.7))
    np.testing.assert_array_equal(served, load_generator(exported).sample(SEEDS, truncation=0.7))


# TensorFlow Serving runs the graph in a session, by the names in the signature. Its row format, a list of
# {"seeds": 1, "truncation": 0.7}, stacks both inputs to [N].
SESSION = """
import sys
import numpy as np
import tensorflow as tf
tf.compat.v1.disable_eager_execution()
with tf.compat.v1.Session() as session:
    graph = tf.compat.v1.saved_model.load(session, ["serve"], sys.argv[1])
    signature = graph.signature_def["sample"]
    def sample(seeds, truncation):
        feed = {signature.inputs["seeds"].name: seeds, signature.inputs["truncation"].name: truncation}
        return session.run(signature.outputs["images"].name, feed)
    seeds = [0, 3, 2**40, 7]
    stacked, alone = sample(seeds, [0.5, 1.0, 0.25, 0.75]), sample(seeds, 0.5)
    try:
        sample(seeds, [0.5])
    except tf.errors.InvalidArgumentError as error:
        assert "truncation: must be one number, or one for each seed" in str(error)
    else:
        sys.exit("[1] was accepted for four seeds")
np.savez(sys.argv[2], stacked=stacked, alone=alone)
"""


@pytest.mark.slow
def test_a_session_like_that_of_tensorflow_serving_takes_stacked_rows(exported, tmp_path):
    subprocess.run([sys.executable, "-c", SESSION, exported, tmp_path / "faces.npz"], check=True)
    served, generator = np.load(tmp_path / "faces.npz"), load_generator(exported)
    expected = {
        "stacked": generator.sample(SEEDS[:4], [0.5, 1.0, 0.25, 0.75]),
        "alone": generator.sample(SEEDS[:4], 0.5),
    }
    for name, faces in expected.items():
        assert np.abs(served[name].astype(int) - faces).max() <= 1, name


def test_an_existing_folder_is_never_written_into(run, tmp_path):
    with pytest.raises(InputError) as caught:
        export_savedmodel(restore_run(run)[0].generator, tmp_path)
    assert str(tmp_path) in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_is_refused_before_the_export(run, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError) as caught:
        export_savedmodel(restore_run(run)[0].generator, tmp_path / "file" / "export")
    assert "is not a folder" in str(caught.value)
