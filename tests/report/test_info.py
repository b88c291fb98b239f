import itertools

import pytest

from facegan_tf.config.networks import ResidualNetworks
from facegan_tf.config.objective import ObjectiveSettings
from facegan_tf.model.networks import residual
from facegan_tf.report.info import describe, describe_network, format_description
from tests.helpers import paths
from tests.helpers.configs import modern_config

CONFIGS = paths.CONFIGS

# Trainable parameters of the generator and the discriminator in each recipe's source.
COUNTS = {
    "dcgan32_smooth": (372_416, 167_809),
    "dcgan32": (2_963_328, 663_297),
    "dcgan128": (12_786_560, 11_164_416),
    "celeba128": (14_953_987, 4_211_713),
    "dcgan64_sgd": (3_576_704, 2_765_568),
}


@pytest.fixture(scope="module", params=COUNTS)
def facts(request):
    return describe(CONFIGS / f"{request.param}.yaml")


def test_every_recipe_has_as_many_parameters_as_its_source(facts):
    nets = (facts["generator"], facts["discriminator"])
    assert tuple(net["trainable_parameters"] for net in nets) == COUNTS[facts["name"]]


def test_the_layers_add_up_to_the_net(facts):
    for net in (facts["generator"], facts["discriminator"]):
        assert sum(layer["parameters"] for layer in net["layers"]) == net["trainable_parameters"]
        assert sum(layer["flops"] for layer in net["layers"]) == net["flops"] > 0


def test_the_table_has_a_line_for_each_layer_with_its_numbers(facts):
    text = format_description(facts)
    for name in ("generator", "discriminator"):
        _, _, table = text.partition(f"{name}, for one image:\n")
        header, *lines = table.split("\n\n")[0].splitlines()
        assert header.split() == ["layer", "setting", "output", "parameters", "MFLOPs"]
        assert len({len(line) for line in (header, *lines)}) == 1  # the columns are aligned
        for layer, line in zip(facts[name]["layers"], lines, strict=False):
            shape = "x".join(map(str, layer["output"]))
            parts = [layer["type"], *layer["detail"].split(), shape, f"{layer['parameters']:,}"]
            assert line.split() == [*parts, f"{layer['flops'] / 1e6:,.2f}"]
        total = f"total {facts[name]['trainable_parameters']:,} {facts[name]['flops'] / 1e6:,.2f}"
        assert lines[-1].split() == total.split()
    assert text.endswith("plus TensorFlow")
    assert f"a training step of {facts['settings']['training']['batch_size']} images: " in text


def test_groups_and_what_they_save_are_told():
    settings = ResidualNetworks(family="residual", channels=[16, 8], group_channels=4)
    layers = describe_network(residual.build_generator(8, settings, itertools.count()))["layers"]
    [first, *_] = [layer for layer in layers if layer["type"] == "GroupedConv2D"]
    assert (first["detail"], first["output"]) == ("k3 s1 g8", [4, 4, 32])
    assert first["parameters"] == 3 * 3 * 4 * 32 + 32
    assert first["flops"] == 2 * 3 * 3 * 4 * 32 * 4 * 4


def test_a_depthwise_convolution_is_counted():
    settings = ResidualNetworks(family="residual", channels=[16, 8], group_channels=4)
    layers = describe_network(residual.build_discriminator(8, settings, itertools.count()))["layers"]
    [last] = [layer for layer in layers if layer["type"] == "DepthwiseConv2D"]
    assert (last["detail"], last["parameters"], last["flops"]) == ("k4 s1", 16 * 16, 2 * 16 * 16)


def test_the_main_setting_of_each_layer_is_given():
    layers = describe(CONFIGS / "dcgan64_sgd.yaml")["discriminator"]["layers"]
    assert [(layer["type"], layer["detail"], layer["output"]) for layer in layers[:5]] == [
        ("InputLayer", "", [64, 64, 3]),
        ("Conv2D", "k4 s2", [32, 32, 64]),
        ("LeakyReLU", "slope 0.2", [32, 32, 64]),
        ("Conv2D", "k4 s2", [16, 16, 128]),
        ("BatchNormalization", "momentum 0.9", [16, 16, 128]),
    ]


def test_the_gains_of_the_discriminator_are_given():
    layers = describe(CONFIGS / "faces32.yaml")["discriminator"]["layers"]
    assert [(layer["type"], layer["detail"], layer["parameters"]) for layer in layers[1:3]] == [
        ("DetailGain", "gain 3", 0),
        ("ColourGain", "gain 6", 0),
    ]


def test_what_a_step_has_beside_an_update_of_each_net_is_said(tmp_path):
    config = modern_config(
        training={"critic_steps": 3, "batch_size": 8, "precision": "bfloat16", "freeze_discriminator": 2}
    )
    (tmp_path / "c.yaml").write_text(config.to_yaml())
    facts = describe(tmp_path / "c.yaml")
    assert facts["training_step"]["images"] == 24
    assert facts["training_step"]["penalties"] == ["r1", "r2"]
    _, _, step = format_description(facts).partition("a training step of 24 images: ")
    assert [line.strip() for line in step.splitlines()[1:]] == [
        "3 updates of the discriminator, with 8 images each",
        "the penalties r1, r2, computed every 4 steps; the GFLOPs are the average",
        "frozen layers of the discriminator: the first 2",
        "layers that compute in bfloat16; penalties are in float32",
    ]
    plain = config.model_copy(update={"objective": ObjectiveSettings()})
    (tmp_path / "c.yaml").write_text(plain.to_yaml())
    assert format_description(describe(tmp_path / "c.yaml")).endswith("\n  layers that compute in bfloat16")
    assert [layer["parameters"] > 0 for layer in facts["discriminator"]["layers"] if layer["flops"]] == [
        False,
        False,
        True,
    ]
