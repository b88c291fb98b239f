"""Runs whose photos are gone, while the store that was prepared from them is still in the cache."""

import json
import shutil

import pytest

from facegan_tf import train
from facegan_tf.common.errors import InputError
from facegan_tf.config.load import load_config
from facegan_tf.model.state import weights_sha256
from facegan_tf.run.restore import restore_run
from facegan_tf.training.train import dry_run
from tests.helpers.configs import tiny_config
from tests.helpers.interruptions import StopAfter
from tests.helpers.photos import encoded, pixels, write_zip

pytestmark = pytest.mark.slow


@pytest.fixture
def stopped(tmp_path):
    """A run of 2 steps of 4 whose photos are gone, and an undisturbed one."""
    photos = write_zip(tmp_path / "photos.zip", {f"{n}.png": encoded(pixels(40, 40, n)) for n in range(8)})
    config = tiny_config(photos, data={"cache": str(tmp_path / "cache")}, training={"steps": 4})
    straight = train(config, tmp_path / "straight")
    run = train(config, tmp_path / "run", callbacks=[StopAfter(2)])
    photos.unlink()
    return run, straight


def stores(tmp_path):
    return [path for path in (tmp_path / "cache").iterdir() if (path / "manifest.json").exists()]


def test_a_run_resumes_from_its_store_with_a_note_and_ends_in_the_same_bits(stopped, tmp_path, capsys):
    run, straight = stopped
    [store] = stores(tmp_path)
    config = load_config(run)
    capsys.readouterr()
    assert f"# store            {store}" in dry_run(config, run, resume=True)
    train(config, run, resume=True)
    assert str(store) in capsys.readouterr().err
    assert stores(tmp_path) == [store]
    recorded = json.loads((run / "run.json").read_text())["store"]
    assert (recorded["folder"], recorded["source"]) == (str(store), config.data.source)
    assert weights_sha256(restore_run(run)[0]) == weights_sha256(restore_run(straight)[0])


def test_without_the_store_resuming_names_the_source(stopped, tmp_path):
    run, _ = stopped
    [store] = stores(tmp_path)
    shutil.rmtree(store)
    with pytest.raises(InputError) as caught:
        train(load_config(run), run, resume=True)
    assert caught.value.name == "data.source"


def test_a_new_run_needs_the_source(stopped, tmp_path):
    run, _ = stopped
    with pytest.raises(InputError) as caught:
        train(load_config(run), tmp_path / "another", resume=True)
    assert caught.value.name == "data.source"
