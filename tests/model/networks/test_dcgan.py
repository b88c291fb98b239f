import itertools

import keras
import numpy as np
import pytest

from facegan_tf.config.load import load_config
from facegan_tf.config.networks import DcganNetworks
from facegan_tf.model.layers.colour_gain import ColourGain
from facegan_tf.model.layers.detail_gain import DetailGain
from facegan_tf.model.networks import dcgan

CONFIGS = ["dcgan32_smooth", "dcgan32", "dcgan128", "dcgan64_sgd"]

# Output shapes of the layers with kernels, in the generator and the discriminator of each source.
SEED_LAYERS = {
    "dcgan32_smooth": (
        [("Dense", (2048,)), ("D", (8, 8, 64)), ("D", (16, 16, 32)), ("D", (32, 32, 3))],
        [("C", (16, 16, 32)), ("C", (8, 8, 64)), ("C", (4, 4, 128)), ("Dense", (1,))],
    ),
    "dcgan32": (
        [
            ("Dense", (2048,)),
            ("D", (4, 4, 256)),
            ("D", (8, 8, 128)),
            ("D", (16, 16, 64)),
            ("D", (32, 32, 3)),
        ],
        [("C", (16, 16, 64)), ("C", (8, 8, 128)), ("C", (4, 4, 256)), ("Dense", (1,))],
    ),
    "dcgan128": (
        [("D", (4 * 2**k, 4 * 2**k, 1024 // 2**k)) for k in range(5)] + [("D", (128, 128, 3))],
        [("C", (64 // 2**k, 64 // 2**k, 64 * 2**k)) for k in range(5)] + [("C", (1, 1, 1))],
    ),
    "dcgan64_sgd": (
        [("D", (4 * 2**k, 4 * 2**k, 512 // 2**k)) for k in range(4)] + [("D", (64, 64, 3))],
        [("C", (32 // 2**k, 32 // 2**k, 64 * 2**k)) for k in range(4)] + [("C", (1, 1, 1))],
    ),
}


def build(size, settings, seed=0):
    return (
        dcgan.build_generator(size, settings, itertools.count(seed)),
        dcgan.build_discriminator(size, settings, itertools.count(seed + 100)),
    )


def tiny(**changes):
    settings = {
        "family": "dcgan",
        "latent_dim": 4,
        "generator": {"stem": "dense", "channels": [4, 3]},
        "discriminator": {"channels": [3, 4], "head": "dense"},
    }
    for net in ("generator", "discriminator"):
        settings[net] = settings[net] | changes.pop(net, {})
    return DcganNetworks.model_validate(settings | changes)


def of_kind(model, kind):
    return [layer for layer in model.layers if isinstance(layer, kind)]


@pytest.mark.parametrize("name", CONFIGS)
def test_layers_match_the_source(name):
    config = load_config(f"configs/{name}.yaml")
    short = {"Conv2D": "C", "Conv2DTranspose": "D"}
    for model, expected in zip(build(config.data.size, config.networks), SEED_LAYERS[name], strict=True):
        kinds = (keras.layers.Dense, keras.layers.Conv2D, keras.layers.Conv2DTranspose)
        layers = of_kind(model, kinds)
        found = [(type(x).__name__, x.output.shape[1:]) for x in layers]
        assert [(short.get(kind, kind), shape) for kind, shape in found] == expected
        for layer in layers:
            assert layer.use_bias == isinstance(layer, keras.layers.Dense)
        # Every convolution is normalised, except for those next to the images and a head.
        norms = of_kind(model, keras.layers.BatchNormalization)
        convolutions = [x for x in layers if not isinstance(x, keras.layers.Dense)]
        head = name in ("dcgan128", "dcgan64_sgd") and model.name == "discriminator"
        assert len(norms) == len(convolutions) - 1 - head
        assert {(x.epsilon, x.momentum) for x in norms} == {(1e-5, 0.9)}


@pytest.mark.parametrize(
    ("name", "slopes", "dropouts"),
    [
        ("dcgan32_smooth", (0.0, 0.2), (0.5, 0.5)),
        ("dcgan32", (0.2, 0.2), ()),
        ("dcgan128", (0.0, 0.2), ()),
        ("dcgan64_sgd", (0.2, 0.2), ()),
    ],
)
def test_activations_and_dropouts_match_the_source(name, slopes, dropouts):
    config = load_config(f"configs/{name}.yaml")
    nets = build(config.data.size, config.networks)
    found = [{x.negative_slope for x in of_kind(net, keras.layers.LeakyReLU)} for net in nets]
    assert found == [{slope} for slope in slopes]
    assert tuple(x.rate for net in nets for x in of_kind(net, keras.layers.Dropout)) == dropouts


def test_dropout_comes_after_the_generators_stem_and_before_the_discriminators_head():
    settings = tiny(generator={"dropout": 0.5}, discriminator={"dropout": 0.5})
    generator, discriminator = build(16, settings)
    kinds = [[type(layer).__name__ for layer in net.layers] for net in (generator, discriminator)]
    assert kinds[0][1:5] == ["Dense", "Reshape", "Dropout", "Conv2DTranspose"]
    assert kinds[1][-4:] == ["Dropout", "Flatten", "Dense", "Activation"]
    images = np.ones((2, 16, 16, 3), "float32")
    assert (discriminator(images, training=True) != discriminator(images, training=True)).numpy().any()


def test_the_discriminator_sees_stronger_colours_and_detail():
    plain, exaggerated = (
        dcgan.build_discriminator(16, tiny(discriminator=gains), itertools.count())
        for gains in ({}, {"colour_gain": 3.0, "detail_gain": 2.0})
    )
    assert len(exaggerated.layers) == len(plain.layers) + 2
    images = np.random.default_rng(0).uniform(-1, 1, (4, 16, 16, 3)).astype("float32")
    expected = plain(ColourGain(3.0)(DetailGain(2.0)(images)))
    np.testing.assert_allclose(exaggerated(images), expected, atol=1e-6)
    assert np.abs(exaggerated(images) - plain(images)).max() > 1e-4


def test_a_head_sees_how_much_each_channel_varies_over_the_batch():
    settings = tiny(kernel_std=0.3, discriminator={"minibatch_std": True})
    net = dcgan.build_discriminator(16, settings, itertools.count())
    [head] = of_kind(net, keras.layers.Dense)
    weights = np.random.default_rng(0).normal(size=head.kernel.shape)
    head.kernel.assign(weights)
    images = np.random.default_rng(1).uniform(-1, 1, (5, 16, 16, 3)).astype("float32")
    [flatten] = of_kind(net, keras.layers.Flatten)
    maps = keras.Model(net.input, flatten.input)(images).numpy()
    deviations = maps.std(axis=0).mean(axis=(0, 1))
    assert (deviations > 0.01).all()
    seen = np.hstack([maps.reshape(5, -1), np.tile(deviations, (5, 1))])
    np.testing.assert_allclose(net(images), seen @ weights, rtol=1e-4)


def test_images_are_between_minus_one_and_one_and_logits_are_float32():
    generator, discriminator = build(16, tiny(kernel_std=1.0))
    images = generator(100 * np.random.default_rng(0).normal(size=(8, 4)).astype("float32"))
    assert images.shape == (8, 16, 16, 3)
    assert 0.9 < np.abs(images).max() <= 1
    assert discriminator(images).dtype == np.float32
    assert discriminator(images).shape == (8, 1)


def test_initial_weights_have_the_distributions_of_the_config():
    generator, discriminator = build(
        32,
        tiny(
            kernel_std=0.3,
            gamma_std=0.1,
            generator={"channels": [256, 128, 64]},
            discriminator={"channels": [64, 128]},
        ),
    )
    kernels = np.concatenate(
        [w.ravel() for n in (generator, discriminator) for w in n.get_weights() if w.ndim > 1]
    )
    assert kernels.mean() == pytest.approx(0, abs=0.002)
    assert kernels.std() == pytest.approx(0.3, rel=0.01)
    norms = of_kind(generator, keras.layers.BatchNormalization)
    gammas = np.concatenate([norm.gamma.numpy() for norm in norms])
    assert gammas.mean() == pytest.approx(1, abs=0.03)
    assert gammas.std() == pytest.approx(0.1, rel=0.2)
    assert all((norm.beta.numpy() == 0).all() for norm in norms)
    [dense] = of_kind(generator, keras.layers.Dense)
    assert (dense.bias.numpy() == 0).all()


def test_without_a_kernel_std_kernels_are_glorot_uniform_at_first():
    generator, _ = build(16, tiny(kernel_std=None))
    kernel = generator.layers[1].kernel.numpy()
    limit = np.sqrt(6 / sum(kernel.shape))
    assert 0.9 * limit < np.abs(kernel).max() <= limit


def test_initial_weights_depend_on_the_seeds_alone():
    settings = tiny(gamma_std=0.1)
    for one, same, other in zip(
        build(16, settings), build(16, settings), build(16, settings, 1), strict=True
    ):
        for a, b, c in zip(one.get_weights(), same.get_weights(), other.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
            assert a.ndim == 1 or (a != c).any()


@pytest.mark.parametrize(
    ("size", "changes", "says"),
    [
        (20, {}, None),
        (18, {}, "does not fit networks.generator.channels"),
        (16, {"generator": {"stem": "deconv"}}, None),
        (32, {"generator": {"stem": "deconv"}}, "the smallest map would be 8 pixels wide; use 16"),
        (8, {"discriminator": {"head": "conv"}}, "networks.discriminator.channels"),
    ],
)
def test_sizes_that_do_not_fit_are_told_from_those_that_do(size, changes, says):
    settings = tiny(**changes)
    misfit = settings.size_problem(size)
    if says:
        assert says in misfit
    else:
        assert misfit is None
        generator, discriminator = build(size, settings)
        assert generator.output_shape == discriminator.input_shape == (None, size, size, 3)


def test_a_discriminator_without_normalisation_has_biases_instead():
    _, plain = build(16, tiny(discriminator={"normalisation": "none"}))
    assert not of_kind(plain, keras.layers.BatchNormalization)
    assert all(layer.use_bias for layer in of_kind(plain, keras.layers.Conv2D))
    images = np.random.default_rng(0).uniform(-1, 1, (4, 16, 16, 3)).astype("float32")
    one_by_one = [plain(images[k : k + 1], training=True) for k in range(4)]
    np.testing.assert_allclose(plain(images, training=True), np.concatenate(one_by_one), atol=1e-6)
