import hashlib
import json
import shutil

import numpy as np
import pytest

from facegan_tf import train
from facegan_tf.common.errors import InputError
from facegan_tf.model.build import build_gan
from facegan_tf.model.nonfinite import NonFiniteError
from facegan_tf.model.state import state_variables
from facegan_tf.run.checkpoints import (
    FORMAT_VERSION,
    Checkpoints,
    DamagedError,
    describe_checkpoints,
    read_facts,
)
from facegan_tf.run.directory import checkpoint_steps
from facegan_tf.run.restore import restore_run
from tests.helpers.configs import tiny_config, tiny_dcgan
from tests.helpers.interruptions import StopAfter
from tests.helpers.refusals import refusal
from tests.helpers.runs import sha256


@pytest.fixture(scope="module")
def config(store_folder):
    return tiny_config(store_folder, training={"steps": 6, "checkpoint_every": 2})


@pytest.fixture(scope="module")
def straight(config, tmp_path_factory):
    """Six steps without interruption; checkpoints at 2, 4 and 6."""
    return train(config, tmp_path_factory.mktemp("runs") / "straight")


@pytest.fixture(scope="module")
def stopped(config, tmp_path_factory):
    """The same run up to step 5; checkpoints at 2, 4 and 5."""
    return train(config, tmp_path_factory.mktemp("runs") / "stopped", callbacks=[StopAfter(5)])


@pytest.fixture
def run(stopped, tmp_path):
    """A copy of `stopped` that a test may damage."""
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
def test_if_the_last_checkpoint_is_damaged_the_one_before_is_used_with_a_warning(run, name, damage, capsys):
    place = run / "checkpoints" / "step_000005"
    damage(place / name)
    gan, _ = restore_run(run)
    assert gan.steps_done == 4
    warning = capsys.readouterr().err
    assert str(place) in warning and name in warning


def test_the_warning_of_a_damaged_checkpoint_says_what_is_used_instead(run, capsys):
    place = run / "checkpoints" / "step_000005"
    (place / "state.index").unlink()
    restore_run(run)
    assert capsys.readouterr().err == (
        f"warning: {place}: is damaged: state.index: No such file or directory; "
        "using the checkpoint before it\n"
    )


@pytest.mark.slow
def test_a_run_resumes_from_the_checkpoint_before_a_damaged_one_to_the_same_end(run, config, straight):
    for step in (4, 5):
        flip_a_bit(run / "checkpoints" / f"step_{step:06d}" / "state.data-00000-of-00001")
    train(config, run, resume=True)
    assert checkpoint_steps(run / "checkpoints") == [2, 4, 6]
    assert sha256(run) == sha256(straight)
    assert (run / "metrics.jsonl").read_bytes() == (straight / "metrics.jsonl").read_bytes()


def test_without_an_intact_checkpoint_a_run_is_not_resumed(run, config):
    for place in (run / "checkpoints").iterdir():
        halve(place / "state.index")
    with refusal(None, "damaged", value=run / "checkpoints"):
        train(config, run, resume=True)
    assert checkpoint_steps(run / "checkpoints") == [2, 4, 5]


def test_a_damaged_checkpoint_asked_for_by_its_step_is_not_replaced_by_another(run):
    place = run / "checkpoints" / "step_000004"
    flip_a_bit(place / "state.index")
    with pytest.raises(DamagedError) as caught:
        restore_run(run, "4")
    assert caught.value.value == place
    assert "state.index" in caught.value.problem


@pytest.mark.parametrize(("which", "fact"), [("7", "2, 4, 5"), ("best", "none"), ("newest", "last, best")])
def test_a_checkpoint_that_does_not_exist_is_refused(run, which, fact):
    with refusal("checkpoint", fact, value=which):
        restore_run(run, which)


def test_a_checkpoint_of_other_nets_is_not_taken_for_a_damaged_one(run, store_folder, tmp_path):
    shutil.rmtree(run / "checkpoints")
    other = train(tiny_dcgan(store_folder, training={"steps": 1}), tmp_path / "other")
    shutil.copytree(other / "checkpoints", run / "checkpoints")
    with pytest.raises(InputError, match=r"config\.yaml") as caught:
        restore_run(run)
    assert not isinstance(caught.value, DamagedError)
    assert caught.value.value == run / "checkpoints" / "step_000001"


def rewrite_facts(place, change):
    """Change the facts of a checkpoint, with a hash that fits them."""
    facts = read_facts(place)
    change(facts)
    sha256 = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
    (place / "checkpoint.json").write_text(json.dumps(facts | {"sha256": sha256}))


@pytest.mark.parametrize("version", [None, 1, FORMAT_VERSION + 1])
def test_a_checkpoint_of_another_format_is_refused_with_both_versions(run, config, version):
    def change(facts):  # format 1 had no such key
        del facts["format_version"]
        facts |= {} if version is None else {"format_version": version}

    for place in (run / "checkpoints").iterdir():
        rewrite_facts(place, change)
    for attempt in (lambda: restore_run(run), lambda: train(config, run, resume=True)):
        with pytest.raises(InputError) as caught:
            attempt()
        assert not isinstance(caught.value, DamagedError)
        assert caught.value.value == run / "checkpoints" / "step_000005"
        assert f"format {version or 1}," in caught.value.problem
        assert f"reads {FORMAT_VERSION}" in caught.value.problem
    assert checkpoint_steps(run / "checkpoints") == [2, 4, 5]


def test_the_whole_state_comes_back(config, tmp_path):
    gan, restored = build_gan(config), build_gan(config)
    for number, variable in enumerate(state_variables(gan).values()):
        variable.assign(np.full(variable.shape, 3 + number))
    Checkpoints(gan, tmp_path).save()
    assert Checkpoints(restored, tmp_path).restore() == restored.steps_done == 3
    saved = state_variables(gan).values()  # Keras numbers layers across GANs, so names differ
    for (name, variable), expected in zip(state_variables(restored).items(), saved, strict=True):
        np.testing.assert_array_equal(variable.numpy(), expected.numpy(), err_msg=name)


def test_the_description_of_checkpoints_says_which_are_damaged(run):
    best = Checkpoints(restore_run(run, "4")[0], run / "checkpoints").best()
    best.save(score=1.0)
    flip_a_bit(run / "checkpoints" / "step_000005" / "state.index")
    described = describe_checkpoints(run / "checkpoints")
    assert [(each["step"], each["best"], each["intact"]) for each in described] == [
        (2, False, True),
        (4, False, True),
        (5, False, False),
        (4, True, True),
    ]
    folder = run / "checkpoints" / "step_000002"
    assert described[0]["bytes"] == sum(path.stat().st_size for path in folder.iterdir())


def test_the_best_so_far_and_the_best_that_a_resumed_run_had_are_kept(config, tmp_path, monkeypatch):
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
    checkpoints.forget_after(4)  # as when a run goes back to its checkpoint
    assert best.steps() == [4]


def test_the_oldest_is_removed_even_if_the_newest_exists_already(config, tmp_path, monkeypatch):
    gan = build_gan(config)
    for step in (1, 2, 3):
        monkeypatch.setattr(type(gan), "steps_done", step)
        Checkpoints(gan, tmp_path, keep=9).save()
    Checkpoints(gan, tmp_path, keep=2).save()  # as after a kill between saving and removing
    assert checkpoint_steps(tmp_path) == [2, 3]


def test_notes_are_saved_and_read_back(config, tmp_path):
    checkpoints = Checkpoints(build_gan(config), tmp_path)
    checkpoints.save(score=0.1, losses={"sums": {"d": 1e-9}})
    assert checkpoints.notes() == {"score": 0.1, "losses": {"sums": {"d": 1e-9}}}


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_state_that_is_not_finite_is_never_saved(config, tmp_path, bad):
    gan = build_gan(config)
    slot = gan.critic.optimizer.variables[-1]
    slot.assign(np.full(slot.shape, bad))
    with pytest.raises(NonFiniteError) as caught:
        Checkpoints(gan, tmp_path).save()
    assert len(caught.value.variables) == 1
    assert not list(tmp_path.iterdir())


def test_the_facts_of_a_checkpoint_are_json(run):
    facts = json.loads((run / "checkpoints" / "step_000004" / "checkpoint.json").read_text())
    assert (facts["step"], facts["format_version"]) == (4, FORMAT_VERSION)
    assert set(facts["files"]) == {"state.data-00000-of-00001", "state.index"}
