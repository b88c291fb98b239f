import json
import shutil

import numpy as np
import pytest

from facegan_tf import train
from facegan_tf.common.errors import FaceganError, InputError
from facegan_tf.model.gan import build_gan
from facegan_tf.model.state import weights_sha256
from facegan_tf.run.checkpoints import Checkpoints, describe_checkpoints
from facegan_tf.run.directory import checkpoint_steps
from facegan_tf.run.restore import restore_run
from tests.helpers.configs import tiny_config, tiny_dcgan
from tests.helpers.interruptions import StopAfter


@pytest.fixture(scope="module")
def config(store_folder):
    return tiny_config(store_folder, training={"steps": 6, "checkpoint_every": 2})


@pytest.fixture(scope="module")
def straight(config, tmp_path_factory):
    """Six steps, undisturbed; checkpoints at 2, 4 and 6."""
    return train(config, tmp_path_factory.mktemp("runs") / "straight")


@pytest.fixture(scope="module")
def stopped(config, tmp_path_factory):
    """The same up to step 5: checkpoints at 2, 4 and 5."""
    return train(config, tmp_path_factory.mktemp("runs") / "stopped", callbacks=[StopAfter(5)])


@pytest.fixture
def run(stopped, tmp_path):
    """A copy of `stopped`, to be damaged."""
    return shutil.copytree(stopped, tmp_path / "run")


def flip_a_bit(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


def halve(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def other_step(path):
    path.write_text(path.read_text().replace('"step": 5', '"step": 3'))


DAMAGES = [
    ("state.data-00000-of-00001", flip_a_bit),
    ("state.data-00000-of-00001", halve),
    ("state.index", flip_a_bit),
    ("state.index", lambda path: path.unlink()),
    ("checkpoint.json", halve),
    ("checkpoint.json", other_step),
    ("checkpoint.json", lambda path: path.write_text("[]")),
    ("checkpoint.json", lambda path: path.unlink()),
]


@pytest.mark.parametrize(("name", "damage"), DAMAGES)
def test_in_place_of_a_damaged_checkpoint_the_one_before_is_taken(run, name, damage, capsys):
    damage(run / "checkpoints" / "step_000005" / name)
    gan, _ = restore_run(run)
    assert gan.steps_done == 4
    warned = capsys.readouterr().err
    assert f"step_000005: is damaged: {name}" in warned
    assert "the checkpoint before it is taken instead" in warned


def test_a_run_goes_on_from_the_one_before_to_the_same_end(run, config, straight):
    for step in (4, 5):
        flip_a_bit(run / "checkpoints" / f"step_{step:06d}" / "state.data-00000-of-00001")
    train(config, run, resume=True)
    assert checkpoint_steps(run / "checkpoints") == [2, 4, 6]
    assert weights_sha256(restore_run(run)[0]) == weights_sha256(restore_run(straight)[0])
    assert (run / "metrics.jsonl").read_bytes() == (straight / "metrics.jsonl").read_bytes()


def test_without_a_whole_checkpoint_nothing_is_done(run, config):
    for place in (run / "checkpoints").iterdir():
        halve(place / "state.index")
    with pytest.raises(InputError, match="no checkpoint is whole; to start anew, remove that folder"):
        train(config, run, resume=True)
    assert checkpoint_steps(run / "checkpoints") == [2, 4, 5]


def test_a_damaged_checkpoint_that_is_asked_for_is_not_replaced_by_another(run):
    flip_a_bit(run / "checkpoints" / "step_000004" / "state.index")
    with pytest.raises(InputError, match=r"step_000004: is damaged: state\.index is not as it was saved"):
        restore_run(run, "4")


def test_a_checkpoint_of_other_nets_is_told_apart_from_a_damaged_one(run, store_folder, tmp_path):
    shutil.rmtree(run / "checkpoints")
    other = train(tiny_dcgan(store_folder, training={"steps": 1}), tmp_path / "other")
    shutil.copytree(other / "checkpoints", run / "checkpoints")
    with pytest.raises(InputError, match=r"does not fit the nets of this run's config\.yaml"):
        restore_run(run)


def test_checkpoints_are_described_with_those_that_are_damaged(run):
    best = Checkpoints(restore_run(run, "4")[0], run / "checkpoints").best()
    best.save(score=1.0)
    flip_a_bit(run / "checkpoints" / "step_000005" / "state.index")
    described = describe_checkpoints(run / "checkpoints")
    assert [(each["step"], each["best"], each["whole"]) for each in described] == [
        (2, False, True),
        (4, False, True),
        (5, False, False),
        (4, True, True),
    ]
    folder = run / "checkpoints" / "step_000002"
    assert described[0]["bytes"] == sum(path.stat().st_size for path in folder.iterdir())


def test_beside_the_best_so_far_stays_the_best_that_a_run_may_go_on_with(config, tmp_path, monkeypatch):
    gan = build_gan(config)
    checkpoints = Checkpoints(gan, tmp_path, keep=2)
    best = checkpoints.best()
    done = iter((2, 4, 4, 5, 7))
    for kept, expected in [
        (best, [2]),
        (checkpoints, [2]),
        (best, [4]),
        (best, [4, 5]),
        (best, [4, 7]),
    ]:
        monkeypatch.setattr(type(gan), "steps_done", next(done))
        kept.save()
        assert best.steps() == expected
    checkpoints.forget_after(4)  # as a run does that goes back to its checkpoint
    assert best.steps() == [4]


def test_the_oldest_goes_though_the_newest_was_there_already(config, tmp_path, monkeypatch):
    gan = build_gan(config)
    for step in (1, 2, 3):
        monkeypatch.setattr(type(gan), "steps_done", step)
        Checkpoints(gan, tmp_path, keep=9).save()
    Checkpoints(gan, tmp_path, keep=2).save()  # as after a kill between the saving and the removing
    assert checkpoint_steps(tmp_path) == [2, 3]


def test_what_is_noted_comes_back(config, tmp_path):
    checkpoints = Checkpoints(build_gan(config), tmp_path)
    checkpoints.save(score=0.1, losses={"sums": {"d": 1e-9}})
    assert checkpoints.notes() == {"score": 0.1, "losses": {"sums": {"d": 1e-9}}}


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_state_that_is_not_finite_is_never_saved(config, tmp_path, bad):
    gan = build_gan(config)
    slot = gan.critic.optimizer.variables[-1]
    slot.assign(np.full(slot.shape, bad))
    with pytest.raises(FaceganError, match=r"between step 0 and step 0 .* weights are not"):
        Checkpoints(gan, tmp_path).save()
    assert not list(tmp_path.iterdir())


def test_the_facts_of_a_checkpoint_are_json(run):
    facts = json.loads((run / "checkpoints" / "step_000004" / "checkpoint.json").read_text())
    assert facts["step"] == 4
    assert set(facts["files"]) == {"state.data-00000-of-00001", "state.index"}
