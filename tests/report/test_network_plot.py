import itertools

import numpy as np
import pytest
from PIL import Image

from facegan_tf import cli
from facegan_tf.config.load import load_config
from facegan_tf.config.networks import ResidualNetworks
from facegan_tf.model.networks import family_module
from facegan_tf.report.info import describe, describe_network
from facegan_tf.report.network_plot import Block, network_blocks, save_network_plot
from tests.helpers import paths

CONFIGS = paths.CONFIGS


def nets(settings, size):
    family = family_module(settings.family)
    seeds = itertools.count()
    return family.build_generator(size, settings, seeds), family.build_discriminator(size, settings, seeds)


def blocks(config, net):
    return network_blocks(describe(CONFIGS / f"{config}.yaml")[net]["layers"])


def test_the_small_layers_after_a_layer_become_its_captions():
    assert blocks("dcgan32_smooth", "generator") == [
        Block("input", "", (100,)),
        Block("dense", "", (4, 4, 128), ("Dropout 0.5",)),
        Block("deconv", "k4 s2", (8, 8, 64), ("BatchNorm", "ReLU")),
        Block("deconv", "k4 s2", (16, 16, 32), ("BatchNorm", "ReLU")),
        Block("deconv", "k4 s2", (32, 32, 3), ("tanh",)),
    ]
    assert blocks("celeba128", "discriminator")[-2:] == [
        Block("conv", "k4 s2", (6, 6, 256), ("LeakyReLU 0.3", "Dropout 0.4")),
        Block("dense", "", (1,)),
    ]


def test_residual_blocks_are_one_block_and_equal_ones_are_counted():
    settings = ResidualNetworks(family="residual", latent_dim=6, channels=[16, 8], group_channels=4)
    generator, discriminator = (network_blocks(describe_network(net)["layers"]) for net in nets(settings, 8))
    inside = {groups: ("k1 s1", f"k3 s1 g{groups}", "k1 s1", "LeakyReLU 0.2") for groups in (4, 8)}
    assert generator[1:4] == [
        Block("dense", "", (4, 4, 16)),
        Block("residual", "x2", (4, 4, 16), inside[8]),
        Block("conv", "k1 s1", (4, 4, 8)),
    ]
    assert discriminator == [
        Block("input", "", (8, 8, 3)),
        Block("conv", "k1 s1", (8, 8, 8)),
        Block("residual", "x2", (8, 8, 8), inside[4]),
        Block("downsample", "", (4, 4, 8)),
        Block("conv", "k1 s1", (4, 4, 16)),
        Block("residual", "x2", (4, 4, 16), inside[8]),
        Block("depthwise", "k4 s1", (1, 1, 16)),
        Block("dense", "", (1,)),
    ]


def test_a_sum_of_other_shapes_is_left_out():
    def layer(kind, channels, detail=""):
        return {"type": kind, "detail": detail, "output": [8, 8, channels]}

    layers = [layer("InputLayer", 3), layer("Conv2D", 4, "k1 s1"), layer("Add", 4)]
    assert network_blocks(layers) == [Block("input", "", (8, 8, 3)), Block("conv", "k1 s1", (8, 8, 4))]


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, id=path.stem, marks=pytest.mark.slow if path.stem.endswith("_gpu") else ())
        for path in sorted(CONFIGS.glob("*.yaml"))
    ],
)
def test_every_config_is_drawn_without_crossing_the_edges(path, tmp_path):
    config = load_config(path)
    # The nets alone: `describe` takes half a minute to make those for a GPU ready for training.
    facts = {net.name: describe_network(net) for net in nets(config.networks, config.data.size)}
    save_network_plot(tmp_path / "nets.png", {"name": config.name} | facts)
    with Image.open(tmp_path / "nets.png") as picture:
        pixels = np.asarray(picture.convert("RGB"))
    assert pixels.shape[0] == 1000 and pixels.shape[1] >= 1600
    edges = (pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1])
    assert all((edge == 255).all() for edge in edges)
    assert (pixels < 255).any(axis=2).mean() > 0.02  # something is drawn


def test_by_command_line_a_picture_is_written_once(tmp_path, capsys):
    command = ["info", str(CONFIGS / "quickstart.yaml"), "--plot", str(tmp_path / "nets.png")]
    assert cli.main(command) == 0
    assert "generator, for one image" in capsys.readouterr().out
    written = (tmp_path / "nets.png").read_bytes()
    assert written.startswith(b"\x89PNG")
    assert cli.main(command) == 2
    assert "--plot" in capsys.readouterr().err
    assert (tmp_path / "nets.png").read_bytes() == written


def test_a_plot_that_cannot_be_written_is_refused(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    code = cli.main(["info", str(CONFIGS / "quickstart.yaml"), "--plot", str(tmp_path / "file" / "x.png")])
    assert code == 2
    printed = capsys.readouterr().err
    assert f"--plot {tmp_path / 'file' / 'x.png'}: " in printed and "is not a folder" in printed
