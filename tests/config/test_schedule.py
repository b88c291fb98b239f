"""Settings that are a number, or change from one to another over a run."""

import pytest

from facegan_tf.config.errors import ConfigError
from facegan_tf.config.load import load_config
from facegan_tf.config.schedule import Schedule, settings_over_run
from facegan_tf.config.settings import Config
from tests.helpers.configs import modern_config, tiny_config
from tests.helpers.paths import CONFIGS

RATE = "optimizers.generator.learning_rate"
BETA2 = "optimizers.generator.beta2"
SCHEDULABLE = [RATE, BETA2, "objective.r1", "objective.r2", "training.ema_half_life"]


def loaded(*overrides):
    return load_config(CONFIGS / "dcgan32_smooth.yaml", overrides)


def value_at(config, path):
    for name in path.split("."):
        config = getattr(config, name)
    return config


def errors_of(*overrides):
    """By setting: what is wrong with it."""
    with pytest.raises(ConfigError) as caught:
        loaded(*overrides)
    return {error.name: error.problem for error in caught.value.problems}


@pytest.mark.parametrize("path", SCHEDULABLE)
def test_a_number_and_a_schedule_are_both_settings(path):
    assert value_at(loaded(f"{path}=0.5"), path) == 0.5
    assert value_at(loaded(f"{path}={{from: 0.5, to: 0.25}}"), path) == Schedule(**{"from": 0.5, "to": 0.25})
    whole = value_at(loaded(f"{path}={{from: 0.5, to: 0.25, by: linear, images: 40}}"), path)
    assert (whole.from_, whole.to, whole.by, whole.images) == (0.5, 0.25, "linear", 40)


@pytest.mark.parametrize(
    ("path", "value"),
    [(RATE, 0), (RATE, -1), (BETA2, 1), (BETA2, -0.1), ("objective.r1", -1), ("training.ema_half_life", 0)],
)
@pytest.mark.parametrize("end", ["from", "to"])
def test_both_ends_have_the_bounds_of_the_number(path, value, end):
    assert list(errors_of(f"{path}={value}")) == [path]
    ends = {"from": 0.5, "to": 0.5} | {end: value}
    problems = errors_of(f"{path}={{from: {ends['from']}, to: {ends['to']}}}")
    assert list(problems) == [f"{path}.{end}"]


def test_bounds_that_are_included_may_be_reached():
    for path in (BETA2, "objective.r2"):
        assert value_at(loaded(f"{path}={{from: 0.5, to: 0}}"), path).to == 0


@pytest.mark.parametrize(
    ("written", "name", "fact"),
    [
        ("{to: 1}", ".from", "must be given"),
        ("{from: 1}", ".to", "must be given"),
        ("{from: 1, to: 1, by: cubic}", ".by", "'linear' or 'cosine'"),
        ("{from: 1, to: 1, images: 0}", ".images", "1"),
        ("{from: 1, to: 1, images: 1.5}", ".images", "whole number"),
        ("{from: 1, to: one}", ".to", "number"),
        ("{from: 1, to: .inf}", ".to", "finite"),
        ("{from: 1, to: 1, form: 1}", ".form", "did you mean from?"),
        ("fast", "", "number"),
        ("[1, 2]", "", "number"),
        ("true", "", "number"),
        ("null", "", "number"),
    ],
)
def test_what_is_wrong_is_said_of_the_setting_itself(written, name, fact):
    problems = errors_of(f"{RATE}={written}")
    assert list(problems) == [RATE + name]
    assert fact in problems[RATE + name]


def test_problems_have_the_line_of_the_end_that_is_wrong(tmp_path):
    settings = loaded().to_yaml()
    block = "training:\n"
    assert settings.count(block) == 1
    line = settings[: settings.index(block)].count("\n") + 1
    settings = settings.replace("  ema_half_life: null\n", "")
    settings = settings.replace(block, f"{block}  ema_half_life:\n    from: 100\n    to: -5\n")
    (tmp_path / "c.yaml").write_text(settings)
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path / "c.yaml")
    [error] = caught.value.problems
    assert (error.name, error.value) == ("training.ema_half_life.to", -5)
    assert error.place.endswith(f"line {line + 3}")


def test_schedules_survive_yaml(tmp_path):
    for config in (modern_config(), loaded(f"{RATE}={{from: 2e-4, to: 5e-5}}")):
        (tmp_path / "c.yaml").write_text(config.to_yaml())
        assert load_config(tmp_path / "c.yaml") == config
        assert Config.model_validate(config.model_dump()) == config


def test_a_rate_that_follows_a_schedule_has_no_decay_besides():
    rate = f"{RATE}={{from: 2e-4, to: 5e-5}}"
    assert list(errors_of(rate, "optimizers.generator.decay=0.1")) == ["optimizers.generator.decay"]
    loaded(rate, "optimizers.generator.decay=0")
    loaded("optimizers.generator.decay=0.1")


def test_settings_that_change_over_the_whole_run_are_found_wherever_they_are():
    assert settings_over_run(tiny_config()) == []
    assert settings_over_run(modern_config()) == [
        "objective.r1",
        "optimizers.discriminator.learning_rate",
        "optimizers.generator.learning_rate",
        "training.ema_half_life",
    ]
