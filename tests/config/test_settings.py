import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from facegan_tf.common.errors import InputError
from facegan_tf.config.load import load_config
from facegan_tf.config.settings import TrainingSettings
from tests.helpers import paths
from tests.helpers.configs import tiny_settings

CONFIGS = sorted(paths.CONFIGS.glob("*.yaml"))


def write(path: Path, settings: object) -> Path:
    path.write_text(yaml.safe_dump(settings), encoding="utf-8")
    return path


def error_of(tmp_path: Path, *overrides: str) -> str:
    with pytest.raises(InputError) as caught:
        load_config(write(tmp_path / "c.yaml", tiny_settings()), overrides)
    return str(caught.value)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_config_that_comes_along_is_valid_and_named_as_its_file(path):
    assert load_config(path).name == path.stem


def test_celeba128_is_its_sources_recipe():
    config = load_config(CONFIGS[0].parent / "celeba128.yaml")
    assert (config.data.size, config.data.crop, config.data.limit, config.data.flip) == (
        128,
        "square",
        10_000,
        False,
    )
    assert (config.networks.latent_dim, config.networks.leaky_slope) == (32, 0.3)
    assert config.networks.discriminator.dropout == 0.4
    assert config.objective.model_dump() == {
        "real_target": 0.0,
        "fake_target": 1.0,
        "generator_target": 0.0,
        "label_noise": 0.05,
        "critic": "joint",
        "reuse_latents": False,
    }
    for optimizer in (config.optimizers.discriminator, config.optimizers.generator):
        assert optimizer.model_dump() == {
            "name": "rmsprop",
            "learning_rate": 1e-4,
            "decay": 1e-8,
            "clipvalue": 1.0,
            "rho": 0.9,
            "epsilon": 1e-7,
        }
    assert (config.training.steps, config.training.batch_size) == (20_000, 16)
    assert (config.grids.every, config.grids.side, config.grids.latent_scale) == (50, 6, 0.5)


def test_resolved_yaml_reads_back_as_the_same_config(tmp_path):
    config = load_config(write(tmp_path / "c.yaml", tiny_settings()))
    (tmp_path / "resolved.yaml").write_text(config.to_yaml())
    assert load_config(tmp_path / "resolved.yaml") == config


def test_resolved_yaml_says_what_the_file_left_out(tmp_path):
    config = load_config(write(tmp_path / "c.yaml", tiny_settings()))
    assert yaml.safe_load(config.to_yaml())["training"]["keep_checkpoints"] == 3


def test_a_run_directory_stands_for_its_config(tmp_path):
    write(tmp_path / "config.yaml", tiny_settings())
    assert load_config(tmp_path) == load_config(tmp_path / "config.yaml")


def test_overrides_set_deep_values_with_yaml_types(tmp_path):
    path = write(tmp_path / "c.yaml", tiny_settings())
    config = load_config(
        path, ["training.steps=7", "data.limit=null", "optimizers.generator.learning_rate=2e-5"]
    )
    assert (config.training.steps, config.data.limit) == (7, None)
    assert config.optimizers.generator.learning_rate == 2e-5
    assert config.optimizers.discriminator.learning_rate == 1e-3


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("training.batch_sise=4", "training.batch_sise: no such setting; did you mean batch_size?"),
        ("networks.generator.depth=4", "networks.generator.depth: no such setting"),
        ("training.batch_size=0", "training.batch_size: 0: "),
        ("training.steps=many", "training.steps: 'many': "),
        ("optimizers.generator.learning_rate=-1", "optimizers.generator.learning_rate: -1: "),
        ("optimizers.generator.learning_rate=.nan", "optimizers.generator.learning_rate: nan: "),
        ("data.size=48", "data.size: 48 does not fit networks.family: deepconv"),
        ("data.crop=round", "data.crop: 'round': is not a crop; use square"),
        ("name=../elsewhere", "name: '../elsewhere': "),
        ("networks.family=transformer", "networks.family: 'transformer': "),
        ("training=5", "training: 5: "),
        ("training.epochs=0", "training.epochs: 0: "),
        ("grids.epochs=[0]", "grids.epochs: [0]: must be a list of whole numbers from 1"),
        ("grids.epochs=all", "grids.epochs: 'all': must be a list of whole numbers from 1"),
        ("grids.psnr_pool=1", "grids.psnr_pool: 1: "),
        ("objective.critic=both", "objective.critic: 'both': "),
        ("networks.generator.stem=dense", "networks.generator.stem: no such setting"),
        (
            "optimizers.generator.name=adamw",
            "optimizers.generator.name: 'adamw': must be one of rmsprop, adam",
        ),
        ("optimizers.generator.name=adm", "did you mean adam?"),
        ("optimizers.generator.beta1=0.5", "optimizers.generator.beta1: no such setting"),
        ("optimizers.generator=adam", "optimizers.generator: 'adam': must be a block of settings"),
        ("optimizers.generator.name=5", "optimizers.generator.name: 5: must be one of rmsprop, adam, sgd"),
        ("optimizers.generator.name=null", "optimizers.generator.name: null: must be one of"),
        ("grids=null", "grids: null: must be a block of settings"),
        ("training.epochs=1.0e+308", "training.epochs: 1e+308: "),
        ("optimizers.generator={learning_rate: 1}", "optimizers.generator.name: must be given"),
    ],
)
def test_a_wrong_setting_is_named_by_path_and_value(tmp_path, override, says):
    assert says in error_of(tmp_path, override)


def test_the_settings_of_another_optimizer_are_refused_by_name(tmp_path):
    override = "optimizers.generator={name: adam, learning_rate: 1.0e-3, rho: 0.9}"
    assert "optimizers.generator.rho: no such setting" in error_of(tmp_path, override)


@pytest.mark.parametrize(
    ("lengths", "says"),
    [
        ({}, "training: must have exactly one of steps, epochs, images; it has none of them"),
        ({"steps": 5, "epochs": 2.5}, "steps, epochs, images; it has steps: 5, epochs: 2.5"),
    ],
)
def test_a_run_has_one_length(tmp_path, lengths, says):
    settings = tiny_settings()
    del settings["training"]["steps"]
    settings["training"] |= lengths
    with pytest.raises(InputError, match=re.escape(says)):
        load_config(write(tmp_path / "c.yaml", settings))


@pytest.mark.parametrize(
    ("override", "length"), [("epochs=1.5", (None, 1.5, None)), ("images=100", (None, None, 100))]
)
def test_a_length_that_is_set_takes_the_place_of_the_files(tmp_path, override, length):
    config = load_config(write(tmp_path / "c.yaml", tiny_settings()), [f"training.{override}"])
    assert (config.training.steps, config.training.epochs, config.training.images) == length


def test_epochs_are_counted_as_they_are_written():
    # In binary 8.3 * 30,000 is a bit more than 249,000, which are 12,450 batches of 20 exactly.
    assert TrainingSettings(epochs=8.3, batch_size=20).total_steps(30_000) == 12_450


def test_channels_that_are_no_list_are_told_so(tmp_path):
    with pytest.raises(InputError, match=r"networks\.generator\.channels: 64: must be a list"):
        load_config(CONFIGS[0].parent / "dcgan32.yaml", ["networks.generator.channels=64"])


@pytest.mark.parametrize("empty", ["[]", "0", "''", "false"])
def test_a_setting_inside_of_a_value_that_is_no_block_is_refused(tmp_path, empty):
    assert "optimizers holds a value, not further settings" in error_of(
        tmp_path, f"optimizers={empty}", "optimizers.generator.name=adam"
    )


@given(
    images=st.integers(1, 10**6),
    batch_size=st.integers(1, 1000),
    epochs=st.integers(1, 100),
)
def test_epochs_are_steps_enough_for_every_image(images, batch_size, epochs):
    training = TrainingSettings(epochs=epochs, batch_size=batch_size)
    steps = training.total_steps(images)
    assert (steps - 1) * batch_size < epochs * images <= steps * batch_size


# What each source says, setting by setting; RECIPES's "ours" where it is silent.
ADAM = {"name": "adam", "decay": 0.0, "clipvalue": None, "epsilon": 1e-8}
DCGANS = {
    "dcgan32_smooth": {
        "data": {"size": 32, "limit": 30_000},
        "networks": {"latent_dim": 100, "kernel_std": None, "gamma_std": 0.0},
        "objective": {"real_target": 0.9, "reuse_latents": False},
        "optimizers": (ADAM | {"learning_rate": 5e-4, "beta1": 0.1, "beta2": 0.99},) * 2,
        "training": {"epochs": 150, "batch_size": 20},
        "grids": {"side": 4, "epochs": (10, 50, 100, 150)},
    },
    "dcgan32": {
        "data": {"size": 32, "limit": None},
        "networks": {"latent_dim": 100, "kernel_std": 0.02, "gamma_std": 0.0},
        "objective": {"real_target": 1.0, "reuse_latents": False},
        "optimizers": (ADAM | {"learning_rate": 2e-4, "beta1": 0.5, "beta2": 0.999},) * 2,
        "training": {"epochs": 40, "batch_size": 256},
        "grids": {"side": 4, "epochs": "each"},
    },
    "dcgan128": {
        "data": {"size": 128, "limit": None},
        "networks": {"latent_dim": 100, "kernel_std": 0.02, "gamma_std": 0.02},
        "objective": {"real_target": 1.0, "reuse_latents": True},
        "optimizers": (ADAM | {"learning_rate": 2e-4, "beta1": 0.5, "beta2": 0.999},) * 2,
        "training": {"epochs": 40, "batch_size": 128},
        "grids": {"side": 6, "epochs": ()},
    },
    "dcgan64_sgd": {
        "data": {"size": 64, "limit": None},
        "networks": {"latent_dim": 100, "kernel_std": 0.02, "gamma_std": 0.0},
        "objective": {"real_target": 1.0, "reuse_latents": False},
        "optimizers": (
            {"name": "sgd", "decay": 0.0, "clipvalue": None, "learning_rate": 1.5e-4, "momentum": 0.9},
            ADAM | {"learning_rate": 1.5e-4, "beta1": 0.9, "beta2": 0.999},
        ),
        "training": {"epochs": 40, "batch_size": 128},
        "grids": {"side": 6, "epochs": ()},
    },
}


@pytest.mark.parametrize("name", DCGANS)
def test_each_dcgan_is_its_sources_recipe(name):
    config, expected = load_config(CONFIGS[0].parent / f"{name}.yaml"), DCGANS[name]
    found = config.model_dump()
    for block in ("data", "networks", "objective", "training", "grids"):
        assert {key: found[block][key] for key in expected[block]} == expected[block]
    optimizers = (found["optimizers"]["discriminator"], found["optimizers"]["generator"])
    assert optimizers == expected["optimizers"]
    assert config.networks.family == "dcgan"
    assert config.objective.critic == "split"
    assert (config.objective.fake_target, config.objective.generator_target) == (0.0, 1.0)
    assert config.objective.label_noise == 0.0
    assert config.grids.latent_scale == 1.0


@pytest.mark.parametrize("override", ["training.steps", "=5", "name.first=x", "training.steps=[1"])
def test_an_override_that_cannot_be_applied_is_named(tmp_path, override):
    assert f"--set {override}" in error_of(tmp_path, override)


def test_every_wrong_setting_is_named_at_once(tmp_path):
    message = error_of(tmp_path, "training.steps=0", "data.size=1")
    assert "training.steps: 0" in message
    assert "data.size: 1" in message


@pytest.mark.parametrize("content", [b"", b"- a\n- b\n", b"a: [1\n", b"\xff\xfe\x00bad", b"just words"])
def test_a_file_that_is_no_config_is_an_input_error(tmp_path, content):
    path = tmp_path / "c.yaml"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"c\.yaml"):
        load_config(path)


def test_a_missing_file_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match="no such config"):
        load_config(tmp_path / "none.yaml")
