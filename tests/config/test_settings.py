import ast
import itertools
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from facegan_tf.common.errors import InputError
from facegan_tf.config.errors import ConfigError
from facegan_tf.config.load import load_config
from facegan_tf.config.schema import changeable_on_resume
from facegan_tf.config.settings import Config
from facegan_tf.config.training import TrainingSettings
from tests.helpers import paths
from tests.helpers.configs import tiny_dcgan, tiny_settings

CONFIGS = sorted(paths.CONFIGS.glob("*.yaml"))


def write(path: Path, settings: object) -> Path:
    path.write_text(yaml.safe_dump(settings), encoding="utf-8")
    return path


def problems_of(tmp_path: Path, *overrides: str, **blocks: dict) -> list[InputError]:
    with pytest.raises(ConfigError) as caught:
        load_config(write(tmp_path / "c.yaml", tiny_settings(**blocks)), overrides)
    return caught.value.problems


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_config_is_valid_and_named_as_its_file(path):
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
        "batching": "joint",
        "loss": "bce",
        "reuse_latents": False,
        "r1": 0.0,
        "r2": 0.0,
        "penalty_every": 1,
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


def test_resolved_yaml_includes_defaults(tmp_path):
    config = load_config(write(tmp_path / "c.yaml", tiny_settings()))
    assert yaml.safe_load(config.to_yaml())["training"]["keep_checkpoints"] == 3


@pytest.mark.parametrize(
    ("change", "way_out"),
    [
        ("networks.discriminator.head=conv", "set head to dense"),
        ("objective.batching=joint", "set objective.batching to split"),
    ],
)
def test_minibatch_std_needs_a_dense_head_and_fakes_in_a_batch_of_their_own(tmp_path, change, way_out):
    file = write(tmp_path / "c.yaml", tiny_dcgan().model_dump(mode="json"))
    override = "networks.discriminator.minibatch_std=true"
    assert load_config(file, [override]).networks.discriminator.minibatch_std
    with pytest.raises(ConfigError) as caught:
        load_config(file, [override, change])
    [problem] = caught.value.problems
    assert (problem.name, problem.value) == ("networks.discriminator.minibatch_std", True)
    assert way_out in str(problem)


def test_a_run_directory_gives_its_config(tmp_path):
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
    ("override", "value"),
    [
        ("training.batch_sise=4", 4),
        ("networks.generator.depth=4", 4),
        ("training.batch_size=0", 0),
        ("training.steps=many", "many"),
        ("optimizers.generator.learning_rate=-1", -1),
        ("data.size=48", 48),
        ("data.crop=round", "round"),
        ("name=../elsewhere", "../elsewhere"),
        ("networks.family=transformer", "transformer"),
        ("training=5", 5),
        ("training.epochs=0", 0),
        ("training.epochs=1.0e+308", 1e308),
        ("grids.epochs=[0]", [0]),
        ("grids.epochs=all", "all"),
        ("grids.psnr_pool=1", 1),
        ("grids=null", None),
        ("objective.batching=both", "both"),
        ("objective.loss=nonsense", "nonsense"),
        ("networks.generator.stem=dense", "dense"),
        ("optimizers.generator.name=adamw", "adamw"),
        ("optimizers.generator.name=5", 5),
        ("optimizers.generator.name=null", None),
        ("optimizers.generator.beta1=0.5", 0.5),
        ("optimizers.generator=adam", "adam"),
    ],
)
def test_a_wrong_setting_is_named_with_its_value(tmp_path, override, value):
    [problem] = problems_of(tmp_path, override)
    assert (problem.name, problem.value, problem.place) == (override.split("=")[0], value, "--set")
    assert str(problem).startswith(f"--set: {problem.name}: ")


def test_not_a_number_is_refused(tmp_path):
    [problem] = problems_of(tmp_path, "optimizers.generator.learning_rate=.nan")
    assert problem.name == "optimizers.generator.learning_rate" and "finite" in problem.problem


def test_an_optimizer_needs_its_name(tmp_path):
    [problem] = problems_of(tmp_path, "optimizers.generator={learning_rate: 1}")
    assert (problem.name, problem.value) == ("optimizers.generator.name", None)


def test_a_crop_problem_lists_the_forms(tmp_path):
    [problem] = problems_of(tmp_path, "data.crop=round")
    assert "square, center:N or box:" in problem.problem


def test_settings_of_another_optimizer_are_refused(tmp_path):
    [problem] = problems_of(tmp_path, "optimizers.generator={name: adam, learning_rate: 1.0e-3, rho: 0.9}")
    assert problem.name == "optimizers.generator.rho"


@pytest.mark.parametrize(
    ("lengths", "fact"), [({}, "none"), ({"epochs": 2.5, "steps": 5}, "steps: 5, epochs: 2.5")]
)
def test_a_run_has_exactly_one_length(tmp_path, lengths, fact):
    settings = tiny_settings()
    del settings["training"]["steps"]
    settings["training"] |= lengths
    with pytest.raises(ConfigError) as caught:
        load_config(write(tmp_path / "c.yaml", settings))
    [problem] = caught.value.problems
    assert problem.name == "training" and problem.problem.endswith(f"it has {fact}")


@pytest.mark.parametrize(
    ("override", "length"), [("epochs=1.5", (None, 1.5, None)), ("images=100", (None, None, 100))]
)
def test_an_overridden_length_replaces_the_one_in_the_file(tmp_path, override, length):
    config = load_config(write(tmp_path / "c.yaml", tiny_settings()), [f"training.{override}"])
    assert (config.training.steps, config.training.epochs, config.training.images) == length


def test_epochs_are_counted_in_decimal():
    # In binary 8.3 * 30,000 is a bit more than 249,000, which are 12,450 batches of 20 exactly.
    assert TrainingSettings(epochs=8.3, batch_size=20).total_steps(30_000) == 12_450


def test_channels_must_be_a_list():
    with pytest.raises(ConfigError) as caught:
        load_config(paths.CONFIGS / "dcgan32.yaml", ["networks.generator.channels=64"])
    [problem] = caught.value.problems
    assert (problem.name, problem.value) == ("networks.generator.channels", 64)


@pytest.mark.parametrize("value", ["[]", "0", "''", "false"])
def test_an_override_inside_a_value_is_refused(tmp_path, value):
    [problem] = problems_of(tmp_path, f"optimizers={value}", "optimizers.generator.name=adam")
    assert (problem.name, problem.value) == ("overrides", "optimizers.generator.name=adam")


@settings(deadline=None)  # the machine may be busy
@given(
    images=st.integers(1, 10**6),
    batch_size=st.integers(1, 1000),
    epochs=st.integers(1, 100),
)
def test_an_epoch_has_enough_steps_for_every_image(images, batch_size, epochs):
    training = TrainingSettings(epochs=epochs, batch_size=batch_size)
    steps = training.total_steps(images)
    assert (steps - 1) * batch_size < epochs * images <= steps * batch_size


# The settings that each source gives; where it gives none, those we chose.
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
    assert config.objective.batching == "split"
    assert (config.objective.fake_target, config.objective.generator_target) == (0.0, 1.0)
    assert config.objective.label_noise == 0.0
    assert config.grids.latent_scale == 1.0


@pytest.mark.parametrize("override", ["training.steps", "=5", "name.first=x", "training.steps=[1"])
def test_an_override_that_cannot_be_applied_is_named(tmp_path, override):
    [problem] = problems_of(tmp_path, override)
    assert (problem.name, problem.value) == ("overrides", override)


def test_every_wrong_setting_is_listed(tmp_path):
    problems = problems_of(tmp_path, "training.steps=0", "data.size=1")
    assert [(each.name, each.value) for each in problems] == [("data.size", 1), ("training.steps", 0)]


@pytest.mark.parametrize("content", [b"", b"- a\n- b\n", b"a: [1\n", b"\xff\xfe\x00bad", b"just words"])
def test_a_file_that_is_not_a_config_is_refused(tmp_path, content):
    path = tmp_path / "c.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert str(caught.value).startswith(str(path))


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path / "none.yaml")
    assert caught.value.problems[0].value == tmp_path / "none.yaml"


def test_a_resumed_run_may_change_only_what_alters_no_step():
    assert changeable_on_resume(Config) == {
        "name",
        "data.attributes",
        "data.source",
        "data.max_rejected",
        "data.cache",
        *(f"training.{key}" for key in ("steps", "epochs", "images", "log_every", "checkpoint_every")),
        *(f"training.{key}" for key in ("keep_checkpoints", "on_nonfinite", "max_rollbacks")),
        "training.steps_per_call",
        "grids.every",
        "grids.epochs",
        *(
            f"evaluation.{key}"
            for key in ("every", "count", "features", "feature_weights", "range", "best_by")
        ),
    }


def test_every_setting_is_documented():
    """Each field is followed by a text that begins with a capital letter, a quoted word or a number."""
    for module in sorted((paths.ROOT / "facegan_tf" / "config").glob("*.py")):
        for block in (node for node in ast.parse(module.read_text()).body if isinstance(node, ast.ClassDef)):
            if not any(isinstance(base, ast.Name) and "Settings" in base.id for base in block.bases):
                continue
            for field, after in itertools.pairwise([*block.body, None]):
                if not isinstance(field, ast.AnnAssign) or not isinstance(field.target, ast.Name):
                    continue
                name, annotation = field.target.id, ast.unparse(field.annotation)
                is_block = (
                    annotation.endswith(("Settings", "Generator", "Discriminator"))
                    or "Settings" in annotation
                )
                if name.startswith("_") or is_block or name in ("family", "name"):
                    continue
                text = after.value if isinstance(after, ast.Expr) else None
                assert isinstance(text, ast.Constant), f"{module.name}: {block.name}.{name} has no text"
                assert text.value[0].isupper(), f"{module.name}: {block.name}.{name}: {text.value}"


@pytest.mark.parametrize(
    ("wrong", "name", "mended"),
    [
        ("objective={penalty_every: 4}", "objective.penalty_every", "objective={penalty_every: 4, r2: 0.1}"),
        (
            "objective={penalty_every: 4, r1: 0}",
            "objective.penalty_every",
            "objective={penalty_every: 4, r1: {from: 0, to: 1}}",
        ),
        ("augment={strength: 0.5}", "augment.strength", "augment={strength: 0.5, kinds: [flip]}"),
        (
            "augment={strength: {from: 0, to: 1}, kinds: []}",
            "augment.strength",
            "augment={strength: {from: 0, to: 1}, kinds: [flip]}",
        ),
    ],
)
def test_a_setting_that_would_do_nothing_without_another_is_refused(tmp_path, wrong, name, mended):
    [problem] = problems_of(tmp_path, wrong)
    assert problem.name == name
    assert "leave it out" in str(problem)
    load_config(write(tmp_path / "c.yaml", tiny_settings()), [mended])
