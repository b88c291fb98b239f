import copy
import pickle

import pytest

from facegan_tf.common.errors import FaceganError, InputError
from facegan_tf.config.load import load_config
from facegan_tf.config.places import naming_places
from facegan_tf.config.settings import Config
from tests.helpers.configs import tiny_config

TEXT = """\
name: tiny
data: {source: synthetic:24, size: 32}
networks:
  family: dcgan
  generator:
    stem: dense
    channels:
      - 6
      - 4
  discriminator: {channels: [4, 6], head: dense}
optimizers:
  discriminator: &sgd {name: sgd, learning_rate: 1e-3}
  generator: *sgd
training:
  steps: 6
  batch_size: 4
"""


@pytest.fixture
def path(tmp_path):
    (tmp_path / "c.yaml").write_text(TEXT)
    return tmp_path / "c.yaml"


@pytest.fixture
def config(path) -> Config:
    return load_config(path, ["training.batch_size=5", "evaluation.every=2"])


@pytest.mark.parametrize(
    ("setting", "line"),
    [
        ("name", 1),
        ("data.size", 2),
        ("networks.generator.channels[1]", 9),
        ("training", 14),
        ("training.steps", 15),
    ],
)
def test_a_setting_of_the_file_has_its_line(config, path, setting, line):
    assert config.place_of(setting) == f"{path}: line {line}"


@pytest.mark.parametrize("setting", ["training.batch_size", "evaluation.every", "evaluation"])
def test_an_overridden_setting_is_placed_at_the_flag(config, setting):
    assert config.place_of(setting) == "--set"


@pytest.mark.parametrize(
    "setting", ["data.cache", "grids", "no.such", "", "out", "networks.generator.channels[9]"]
)
def test_what_is_not_written_has_no_place(config, setting):
    assert config.place_of(setting) is None


def test_copies_keep_the_places(config, path):
    data = config.data.model_copy(update={"source": "/elsewhere"})
    for same in (
        config.model_copy(update={"data": data}),
        copy.deepcopy(config),
        pickle.loads(pickle.dumps(config)),
    ):
        assert same.place_of("data.source") == f"{path}: line 2"


def test_a_config_made_in_python_has_no_places():
    assert tiny_config().place_of("data.source") is None


def test_places_do_not_make_configs_differ(config, path, tmp_path):
    (tmp_path / "resolved.yaml").write_text(config.to_yaml())
    same = load_config(tmp_path / "resolved.yaml")
    assert same.place_of("data.size") != config.place_of("data.size")
    assert same == config
    assert load_config(path) != config


def raised_in(config: Config, error: Exception) -> Exception:
    with pytest.raises(type(error)) as caught, naming_places(config):
        raise error
    assert caught.value is error
    return error


def test_later_errors_about_settings_get_their_places(config, path):
    error = raised_in(
        config, InputError("source", "synthetic:24", "is bad").renamed({"source": "data.source"})
    )
    assert str(error) == f"{path}: line 2: data.source: synthetic:24: is bad"
    assert str(raised_in(config, InputError("training.batch_size", 5, "is too large"))).startswith(
        "--set: training."
    )


def test_other_errors_stay_as_they_are(config):
    assert (
        str(raised_in(config, InputError("out", "runs/a", "already exists"))) == "out: runs/a: already exists"
    )
    assert str(raised_in(config, InputError(None, "a.zip", "is damaged"))) == "a.zip: is damaged"
    assert str(raised_in(config, FaceganError("failed"))) == "failed"
    placed = InputError("data.source", "x", "is bad")
    placed.place = "elsewhere"
    assert raised_in(config, placed).place == "elsewhere"
