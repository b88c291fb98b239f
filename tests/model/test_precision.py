"""Nets that compute in bfloat16 or float16."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from facegan_tf.config.augment import AugmentSettings
from facegan_tf.model import precision as precision_module
from facegan_tf.model.build import build_gan
from facegan_tf.model.objectives import r1, r2
from facegan_tf.model.precision import computing_in, computing_in_type_of_weights, with_known_precision
from facegan_tf.model.state import nonfinite_variables, state_variables
from facegan_tf.run.checkpoints import Checkpoints
from facegan_tf.serving.export import export_savedmodel
from facegan_tf.serving.generator import FaceGenerator, load_generator
from tests.helpers.batches import discriminator_batch
from tests.helpers.configs import modern_config, tiny_config

pytestmark = pytest.mark.slow

HALVES = ["bfloat16", "float16"]
NETS = {"dcgan": modern_config, "deepconv": tiny_config}
PAIRS = [("dcgan", "bfloat16"), ("deepconv", "float16")]


def batch(seed=0, count=4):
    rng = np.random.default_rng(seed)
    reals = rng.uniform(-1, 1, (count, 32, 32, 3)).astype("float32")
    return [tf.constant(each) for each in (reals, *rng.normal(size=(2, count, 4)).astype("float32"))]


def built(precision, net="dcgan"):
    return build_gan(NETS[net](training={"precision": precision}))


@pytest.mark.parametrize(("net", "precision"), PAIRS)
def test_what_is_kept_and_what_goes_in_and_out_is_float32_and_layers_compute_in_half(precision, net):
    gan = built(precision, net)
    losses = gan.train_on_batch(*batch())
    floats = {each.dtype for each in state_variables(gan).values() if each.dtype.is_floating}
    assert floats == {tf.float32}
    for model in (gan.generator, gan.discriminator, gan.sampler, gan.critic, gan.combined):
        assert {each.dtype for each in [*model.inputs, *model.outputs]} == {"float32"}
    for model in (gan.generator, gan.discriminator):
        halves = [layer for layer in model.layers if layer.weights and layer.compute_dtype == precision]
        assert len(halves) >= 3
    assert all(np.isfinite(loss) and isinstance(float(loss), float) for loss in losses.values())


@pytest.mark.parametrize("precision", HALVES)
def test_the_nets_start_from_the_same_weights_and_compute_nearly_the_same(precision):
    gan, exact = built(precision), built("float32")
    for mine, theirs in zip(gan.generator.get_weights(), exact.generator.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    reals, latents, _ = batch(count=16)
    images, wanted = (each.generator(latents).numpy() for each in (gan, exact))
    assert not (images == wanted).all()
    np.testing.assert_allclose(images, wanted, atol=0.02 * np.ptp(wanted))
    logits, wanted = (each.discriminator(reals).numpy() for each in (gan, exact))
    np.testing.assert_allclose(logits, wanted, atol=0.05)


def test_layers_made_afterwards_compute_in_float32_again():
    before = keras.config.dtype_policy().name
    built("bfloat16")
    assert keras.config.dtype_policy().name == before == "float32"
    assert keras.layers.Dense(1).compute_dtype == "float32"


def test_the_default_is_float32_without_a_loss_scale():
    gan = build_gan(tiny_config())
    assert {layer.compute_dtype for layer in gan.generator.layers} == {"float32"}
    assert not isinstance(gan.critic.optimizer, keras.optimizers.LossScaleOptimizer)
    assert not isinstance(built("bfloat16").critic.optimizer, keras.optimizers.LossScaleOptimizer)


@pytest.mark.parametrize(
    ("flags", "gpus", "meant"),
    [
        ({"avx2", "avx512f"}, [], "float32"),
        ({"avx512f", "avx512_bf16"}, [], "bfloat16"),
        ({"amx_tile", "amx_bf16"}, [], "bfloat16"),
        ({"amx_bf16"}, [(7, 5)], "float32"),
        (set(), [(8, 0), (9, 0)], "bfloat16"),
        (set(), [(9, 0), (7, 0)], "float32"),
    ],
)
def test_auto_is_bfloat16_on_devices_that_have_instructions_for_it(monkeypatch, flags, gpus, meant):
    config = tiny_config(training={"precision": "auto"})
    monkeypatch.setattr(precision_module, "processor_flags", lambda: frozenset(flags))
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: gpus)
    details = "get_device_details"
    monkeypatch.setattr(tf.config.experimental, details, lambda gpu: {"compute_capability": gpu})
    assert with_known_precision(config).training.precision == meant
    for other in ("float32", "float16"):
        config = tiny_config(training={"precision": other})
        assert with_known_precision(config).training.precision == other


def test_a_gan_says_which_precision_auto_meant(monkeypatch):
    monkeypatch.setattr(precision_module, "processor_flags", lambda: frozenset({"amx_bf16"}))
    gan = built("auto")
    assert gan.config.training.precision == "bfloat16"
    assert "bfloat16" in {layer.compute_dtype for layer in gan.generator.layers}


IMAGES = (2, 4, 32, 32, 3)
PENALISED = {"r1": 1.0, "r2": 1.0, "penalty_every": 1}


def punished(precision, net):
    """A GAN with R1 and R2 in every step, augmentation and dropout; that of dcgan has batch normalisation."""
    config = NETS[net](objective=PENALISED, training={"precision": precision})
    kinds = {"kinds": ("flip", "colour", "translation", "cutout")}
    return build_gan(config.model_copy(update={"augment": AugmentSettings(**kinds)}))


def penalties(gan, exact_pass=True):
    """The values of R1 and R2 and their gradients for the discriminator's weights, by name.

    exact_pass: with the pass of the discriminator that the GAN gives; otherwise with a plain call.
    """
    reals, fakes = (tf.constant(each, tf.float32) for each in np.random.default_rng(0).uniform(-1, 1, IMAGES))
    [noise, logits] = tf.zeros([2, 8, 1])
    seen = []
    gan.objective.discriminator_terms = lambda batch: seen.append(batch) or {}
    gan.critic._terms([None, reals], fakes, logits, noise)
    [batch] = seen
    if not exact_pass:
        batch = discriminator_batch(gan.discriminator, reals, fakes)
    found = {}
    for name, module in (("r1", r1), ("r2", r2)):
        with tf.GradientTape() as tape:
            value = module.penalty(batch)
        assert value.dtype == tf.float32
        slopes = tape.gradient(value, [each.value for each in gan.discriminator.trainable_variables])
        found |= {name: value.numpy()} | {
            f"{name}/{k}": each for k, each in enumerate(slopes) if each is not None
        }
    return {name: np.asarray(array) for name, array in found.items()}


def largest_difference(found, wanted):
    """The largest difference of an array, as a share of its largest number; 0 where both are 0."""
    assert list(found) == list(wanted)
    pairs = [(array, wanted[name]) for name, array in found.items() if array.any() or wanted[name].any()]
    return max(np.abs(mine - theirs).max() / np.abs(theirs).max() for mine, theirs in pairs)


@pytest.mark.parametrize(("net", "precision"), PAIRS)
def test_penalties_and_their_gradients_are_those_of_float32(precision, net):
    wanted = penalties(punished("float32", net))
    assert len(wanted) > 6
    assert largest_difference(penalties(punished(precision, net)), wanted) < 1e-5
    # The layers' own precision would not do.
    wanted = penalties(punished("float32", net), exact_pass=False)
    assert largest_difference(penalties(punished(precision, net), exact_pass=False), wanted) > 1e-3


def test_a_step_logs_the_r1_of_float32_and_the_layers_compute_in_half_again():
    logged = {}
    for precision in ("float32", "bfloat16"):
        config = modern_config(objective=PENALISED, training={"precision": precision})
        gan = build_gan(config)
        before = [layer.dtype_policy.name for layer in gan.discriminator.layers]
        logged[precision] = gan.train_on_batch(*batch())
        assert [layer.dtype_policy.name for layer in gan.discriminator.layers] == before
    assert logged["bfloat16"]["r1"] == pytest.approx(logged["float32"]["r1"], rel=1e-5)
    assert logged["bfloat16"]["d_loss"] != logged["float32"]["d_loss"]


def test_layers_inside_layers_compute_in_the_type_of_their_weights_and_after_an_error_as_before():
    with computing_in("bfloat16"):
        inner = keras.Sequential([keras.layers.Dense(2), keras.layers.BatchNormalization()])
        images = keras.Input((3,))
        net = keras.Model(images, keras.layers.Dense(1)(inner(images)))
    layers = [*inner.layers, *net.layers]
    with pytest.raises(RuntimeError), computing_in_type_of_weights(net):
        assert {layer.compute_dtype for layer in layers} == {"float32"}
        assert net(tf.ones([4, 3])).dtype == tf.float32
        raise RuntimeError
    assert {layer.compute_dtype for layer in layers if layer.weights} == {"bfloat16"}
    assert net(tf.ones([4, 3])).dtype == tf.bfloat16


def scales(gan):
    return [float(model.optimizer.dynamic_scale) for model in (gan.critic, gan.combined)]


def test_the_loss_scale_of_float16_is_in_the_state_and_in_checkpoints(tmp_path):
    gan = built("float16")
    names = [name for name in state_variables(gan) if "dynamic_scale" in name]
    assert len(names) == 2
    gan.critic.optimizer.dynamic_scale.assign(512.0)
    gan.combined.optimizer.dynamic_scale.assign(2048.0)
    gan.combined.optimizer.step_counter.assign(5)
    gan.train_on_batch(*batch())
    Checkpoints(gan, tmp_path).save()
    restored = built("float16")
    assert scales(restored) != [512.0, 2048.0]
    Checkpoints(restored, tmp_path).restore()
    assert scales(restored) == [512.0, 2048.0]
    assert int(restored.combined.optimizer.step_counter) == 6
    for mine, theirs in zip(state_variables(restored).values(), state_variables(gan).values(), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    ours, theirs = (each.train_on_batch(*batch(1)) for each in (restored, gan))
    assert ours == theirs


def test_gradients_that_overflow_skip_the_update_halve_the_scale_and_are_not_a_bad_number():
    gan = built("float16", "deepconv")
    gan.critic.optimizer.dynamic_scale.assign(2.0**60)
    before = [weight.numpy() for weight in gan.discriminator.trainable_variables]
    losses = gan.train_on_batch(*batch())
    for weight, old in zip(gan.discriminator.trainable_variables, before, strict=True):
        np.testing.assert_array_equal(weight, old)
    assert scales(gan)[0] == 2.0**59
    assert all(map(np.isfinite, losses.values()))
    assert nonfinite_variables(gan) == {}
    assert gan.steps_done == 1


def test_the_loss_scale_does_not_change_what_is_learned():
    learned = []
    for scale in (1024.0, 4096.0):
        gan = built("float16", "deepconv")
        for model in (gan.critic, gan.combined):
            model.optimizer.dynamic_scale.assign(scale)
        gan.train_on_batch(*batch())
        learned.append(gan.discriminator.get_weights())
    for one, other in zip(*learned, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-3)


@pytest.mark.parametrize("precision", HALVES)
def test_an_exported_net_takes_float32_gives_uint8_and_draws_the_same(precision, tmp_path):
    gan = built(precision)
    # Weights large enough for images that differ.
    gan.sampler.set_weights([4 * each if each.ndim > 1 else each for each in gan.sampler.get_weights()])
    export_savedmodel(gan.sampler, tmp_path / "export")
    loaded = tf.saved_model.load(str(tmp_path / "export")).signatures["serving_default"]
    assert loaded.structured_input_signature[1]["latents"].dtype == tf.float32
    assert loaded.structured_outputs["images"].dtype == tf.uint8
    exported = load_generator(tmp_path / "export").sample(range(8))
    drawn = FaceGenerator.of(gan).sample(range(8))
    assert np.abs(exported.astype(int) - drawn).max() <= 2
    assert np.ptp(drawn) > 20
