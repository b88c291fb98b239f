import pytest

from facegan_tf.common.errors import InputError
from facegan_tf.data.store import FaceStore
from facegan_tf.run.directory import RunDirectory
from facegan_tf.run.resume import CHANGEABLE, check_same_images, check_startable, flat
from tests.helpers.configs import tiny_config
from tests.helpers.fake_run import make_run


@pytest.fixture
def run(tmp_path):
    run = RunDirectory(make_run(tmp_path / "run"))
    (run.checkpoints / "step_000006").mkdir(parents=True)
    return run


def test_a_run_starts_in_a_new_folder_and_resumes_in_its_own(run, tmp_path):
    check_startable(RunDirectory(tmp_path / "new"), tiny_config(), resume=False)
    check_startable(RunDirectory(tmp_path / "new"), tiny_config(), resume=True)
    check_startable(run, tiny_config("photos.zip"), resume=True)


def test_an_existing_run_is_refused_with_both_ways_out(run):
    with pytest.raises(InputError) as caught:
        check_startable(run, tiny_config("photos.zip"), resume=False)
    assert (caught.value.name, caught.value.value) == ("out", run.folder)
    assert "step 6" in caught.value.problem
    assert str(caught.value) == (
        f"out: {run.folder}: already holds a run, saved at step 6; add `resume` to continue it, or choose "
        "another folder with `out`"
    )


@pytest.mark.parametrize("resume", [False, True])
def test_a_folder_or_a_file_that_is_not_a_run_is_refused(tmp_path, resume):
    folder = tmp_path / "thesis"
    folder.mkdir()
    (folder / "thesis.tex").write_text("years of work")
    for taken in (folder, folder / "thesis.tex"):
        with pytest.raises(InputError) as caught:
            check_startable(RunDirectory(taken), tiny_config(), resume)
        assert (caught.value.name, caught.value.value) == ("out", taken)


def test_traces_of_a_run_that_was_killed_as_it_began_are_accepted(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    for name in ("lock", "run.json", ".config.yaml.partial-99999999"):
        (folder / name).write_text("")
    check_startable(RunDirectory(folder), tiny_config(), resume=False)


def test_each_changed_setting_is_named_and_no_other(run):
    changed = tiny_config("photos.zip", training={"batch_size": 3}, data={"flip": True})
    with pytest.raises(InputError) as caught:
        check_startable(run, changed, resume=True)
    listed = [line.strip() for line in caught.value.problem.splitlines() if line.startswith("  ")]
    assert sorted(listed) == [
        "data.flip: false in the run, true now",
        "training.batch_size: 4 in the run, 3 now",
    ]


RATE = {"name": "sgd", "learning_rate": {"from": 1e-3, "to": 1e-4}}


@pytest.mark.parametrize("length", [{"steps": 7}, {"steps": None, "images": 24}])
@pytest.mark.parametrize(("over_run", "refused"), [(True, True), (False, False)])
def test_a_run_with_a_schedule_over_its_whole_length_keeps_that_length(tmp_path, length, over_run, refused):
    rate = RATE["learning_rate"] | ({} if over_run else {"images": 12})
    optimizers = {"generator": RATE | {"learning_rate": rate}}
    run = RunDirectory(make_run(tmp_path / "run", optimizers=optimizers))
    check_startable(run, tiny_config("photos.zip", optimizers=optimizers, training={"log_every": 3}), True)
    other = tiny_config("photos.zip", optimizers=optimizers, training=length)
    if not refused:
        check_startable(run, other, resume=True)
        return
    with pytest.raises(InputError) as caught:
        check_startable(run, other, resume=True)
    listed, rest = caught.value.problem.split("Set them back")
    assert "training.steps: 6 in the run" in listed
    assert "optimizers.generator.learning_rate" in rest  # why
    may_change = rest.split("may change: ")[1].split("\n")[0]
    assert "training.log_every" in may_change
    assert not {f"training.{name}" for name in ("steps", "epochs", "images")} & set(may_change.split(", "))


def test_the_settings_that_may_change_exist_and_may_change(run):
    assert set(CHANGEABLE) <= set(flat(tiny_config().model_dump(mode="json")))
    changed = tiny_config(
        "moved.zip",
        data={"cache": "elsewhere", "max_rejected": 0.1},
        training={"steps": None, "images": 80, "log_every": 7, "on_nonfinite": "rollback"},
        grids={"every": 3, "side": 2, "psnr_pool": 8, "epochs": "each"},
        evaluation={"every": 3},
    )
    check_startable(run, changed, resume=True)


def test_a_store_with_other_pixels_is_refused(run, store_folder, tmp_path):
    store = FaceStore.open(store_folder)
    with pytest.raises(InputError) as caught:
        check_same_images(run, store)
    assert (caught.value.name, caught.value.value) == ("data.source", store_folder)
    assert store.fingerprint[:12] in caught.value.problem and "f" * 12 in caught.value.problem
    run.update_record(store={"folder": "/elsewhere", "fingerprint": store.fingerprint})
    check_same_images(run, store)
    check_same_images(RunDirectory(tmp_path / "new"), store)


def test_nested_settings_are_listed_by_their_paths():
    assert flat({"a": {"b": {"c": None}, "d": [1, 2]}, "e": True}) == {
        "a.b.c": "null",
        "a.d": "[1, 2]",
        "e": "true",
    }


def test_a_schedule_is_one_value():
    settings = tiny_config(objective={"r1": {"from": 1.0, "to": 0.5}}).model_dump(mode="json")
    assert flat(settings)["objective.r1"] == "{from: 1.0, to: 0.5, by: cosine, images: null}"
    assert not [name for name in flat(settings) if name.startswith("objective.r1.")]


def test_a_long_value_is_listed_whole():
    source = "photos of " + "many people " * 20
    assert flat({"source": source + "here"}) != flat({"source": source + "there"})
    assert flat({"sizes": list(range(100))})["sizes"] == str(list(range(100)))


def test_a_changed_schedule_is_named_with_both_its_values(tmp_path):
    run = RunDirectory(make_run(tmp_path / "run", objective={"r1": {"from": 1.0, "to": 0.5}}))
    with pytest.raises(InputError) as caught:
        check_startable(run, tiny_config("photos.zip", objective={"r1": 1.0}), resume=True)
    before = "{from: 1.0, to: 0.5, by: cosine, images: null}"
    assert f"objective.r1: {before} in the run, 1.0 now" in caught.value.problem
