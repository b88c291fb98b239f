"""Generators as ONNX, drawn by ONNX Runtime."""

import numpy as np
import pytest
import tensorflow as tf

from facegan_tf.common.errors import FaceganError, InputError
from facegan_tf.model.build import build_gan
from facegan_tf.serving import onnx as onnx_export
from facegan_tf.serving.directions import Directions
from facegan_tf.serving.export import export_run
from facegan_tf.serving.generator import FaceGenerator
from facegan_tf.serving.model_facts import ModelFacts
from facegan_tf.serving.onnx import OPSET, write_onnx
from tests.helpers.configs import modern_config, tiny_config

onnx = pytest.importorskip("onnx", reason="needs facegan_tf[onnx]")
onnxruntime = pytest.importorskip("onnxruntime", reason="needs facegan_tf[onnx]")
tf2onnx = pytest.importorskip("tf2onnx", reason="needs facegan_tf[onnx]")

FACTS = ModelFacts("tiny", 6, Directions.none(4))


@pytest.mark.parametrize("config", [tiny_config, modern_config])
def test_it_draws_the_faces_of_the_generator_in_any_batch(tmp_path, config):
    gan = build_gan(config())
    write_onnx(gan.sampler, tmp_path / "generator.onnx", FACTS)
    session = onnxruntime.InferenceSession(tmp_path / "generator.onnx", providers=["CPUExecutionProvider"])
    [source], [target] = session.get_inputs(), session.get_outputs()
    assert (source.name, source.type, source.shape) == ("latents", "tensor(float)", ["N", 4])
    assert (target.name, target.type, target.shape) == ("images", "tensor(uint8)", ["N", 32, 32, 3])
    generator = FaceGenerator.of(gan)
    latents = generator.latents(range(100, 120))
    for count in (1, 7, 20):
        images = session.run(None, {"latents": latents[:count]})[0]
        assert np.abs(images.astype(int) - generator.draw(latents[:count])).max() <= 1
    model = onnx.load(tmp_path / "generator.onnx")
    assert [each.version for each in model.opset_import if not each.domain] == [OPSET]
    assert {each.key: each.value for each in model.metadata_props} == {"name": "tiny", "step": "6"}


def test_a_net_that_computes_in_16_bits_is_written_in_float32(tmp_path):
    gan = build_gan(tiny_config(training={"precision": "bfloat16"}))
    write_onnx(gan.sampler, tmp_path / "generator.onnx", FACTS)
    exact = build_gan(tiny_config())
    exact.generator.set_weights(gan.generator.get_weights())
    session = onnxruntime.InferenceSession(tmp_path / "generator.onnx", providers=["CPUExecutionProvider"])
    latents = FaceGenerator.of(exact).latents(range(8))
    images = session.run(None, {"latents": latents})[0]
    assert np.abs(images.astype(int) - FaceGenerator.of(exact).draw(latents)).max() <= 1
    assert gan.sampler.layers[1].compute_dtype == "bfloat16"  # the run itself is as it was


def test_a_file_that_draws_other_faces_is_an_error(tmp_path):
    gan = build_gan(tiny_config())
    write_onnx(gan.sampler, tmp_path / "generator.onnx", FACTS)
    latents = FaceGenerator.of(gan).latents(range(4))
    faces = FaceGenerator.of(gan).draw(latents)
    onnx_export._compare(tmp_path / "generator.onnx", latents, faces)
    with pytest.raises(FaceganError, match="differ by up to"):
        onnx_export._compare(tmp_path / "generator.onnx", latents, faces[::-1])


def test_a_conversion_that_goes_wrong_is_noticed(tmp_path, monkeypatch):
    convert = tf2onnx.convert.from_function

    def convert_another(function, input_signature, **options):
        other = tf.function(lambda latents: function(-latents), input_signature=input_signature)
        return convert(other, input_signature, **options)

    monkeypatch.setattr(tf2onnx.convert, "from_function", convert_another)
    with pytest.raises(FaceganError, match="differ by up to"):
        write_onnx(build_gan(tiny_config()).sampler, tmp_path / "generator.onnx", FACTS)


@pytest.mark.parametrize("format", ["onnx", "web"])
def test_missing_packages_are_named_before_any_work(tmp_path, monkeypatch, format):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"tf2onnx, onnx, onnxruntime; install facegan_tf\[onnx\]") as caught:
        export_run(tmp_path / "none", tmp_path / "out", format)
    assert (caught.value.name, caught.value.value) == ("format", format)
