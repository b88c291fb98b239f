"""Runs that are stopped, crash or change their length, and are resumed."""

import shutil

import keras
import pytest
from PIL import Image

from facegan_tf import load_config, train
from facegan_tf.model import precision
from facegan_tf.run.directory import checkpoint_steps
from facegan_tf.training.pictures import PsnrLog
from tests.helpers.configs import tiny_config, tiny_dcgan
from tests.helpers.interruptions import Crash, StopAfter
from tests.helpers.runs import json_lines, metrics, record, sha256, tensorboard_steps


@pytest.fixture(scope="module")
def config(store_folder):
    return tiny_config(store_folder)


@pytest.fixture(scope="module")
def run(config, tmp_path_factory):
    """Six steps without interruption."""
    return train(config, tmp_path_factory.mktemp("runs") / "straight")


@pytest.mark.parametrize(
    "stop_at",
    [
        pytest.param(3, id="on a checkpoint", marks=pytest.mark.slow),
        pytest.param(4, id="between checkpoints"),
    ],
)
def test_a_stopped_and_resumed_run_ends_with_the_same_bits(run, config, tmp_path, stop_at):
    stopped = train(config, tmp_path / "run", callbacks=[StopAfter(stop_at)])
    assert metrics(stopped)[-1]["step"] == stop_at
    train(config, stopped, resume=True)
    assert sha256(stopped) == sha256(run)
    assert (stopped / "metrics.jsonl").read_bytes() == (run / "metrics.jsonl").read_bytes()
    for step in (2, 4, 6):
        name = f"grids/step_{step:06d}.png"
        assert (stopped / name).read_bytes() == (run / name).read_bytes()


@pytest.mark.parametrize("stopped_at", [pytest.param(0, marks=pytest.mark.slow), 2])
def test_a_run_that_is_stopped_before_its_first_step_makes_none(run, config, tmp_path, stopped_at):
    class Stop(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            self.model.stop_training = True

    if stopped_at:
        train(config, tmp_path / "run", callbacks=[StopAfter(stopped_at)])
    stopped = train(config, tmp_path / "run", resume=True, callbacks=[Stop()])
    assert checkpoint_steps(stopped / "checkpoints") == [stopped_at]
    assert record(stopped)["status"] == "stopped"
    train(config, stopped, resume=True)
    assert sha256(stopped) == sha256(run)
    assert metrics(stopped) == metrics(run)


@pytest.mark.slow
def test_a_run_that_crashes_after_its_last_checkpoint_is_finished_by_resuming(config, tmp_path):
    # The last step is not due for a grid, it ends an epoch, and the crash comes after it has been saved.
    training = {"steps": 6, "checkpoint_every": 3, "log_every": 4}
    changed = tiny_config(
        config.data.source, training=training, grids={"every": 4, "side": 2, "epochs": "each"}
    )
    straight = train(changed, tmp_path / "straight")
    with pytest.raises(RuntimeError):
        train(changed, tmp_path / "run", callbacks=[Crash(6)])
    assert not (tmp_path / "run" / "training.gif").exists()
    run = train(changed, tmp_path / "run", resume=True)
    assert record(run)["status"] == "finished"
    for path in straight.rglob("*.*"):
        if path.suffix in (".png", ".gif", ".jsonl"):
            assert (run / path.relative_to(straight)).read_bytes() == path.read_bytes(), path


@pytest.mark.slow
def test_an_epochs_faces_are_kept_before_its_last_step_is_saved(config, tmp_path):
    class CrashWhileSaving(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            raise RuntimeError("pulled the plug")

    changed = tiny_config(config.data.source, grids={"every": 9, "side": 2, "epochs": "each"})
    with pytest.raises(RuntimeError):
        train(changed, tmp_path / "run", callbacks=[CrashWhileSaving()])
    assert (tmp_path / "run" / "epochs" / "epoch_001.npz").exists()


@pytest.mark.slow
def test_epochs_beyond_the_end_of_a_shortened_run_are_removed(store_folder, tmp_path):
    training = {"steps": 6, "batch_size": 12, "checkpoint_every": 2}
    grids = {"every": 9, "side": 2, "epochs": "each"}
    with pytest.raises(RuntimeError):
        train(
            tiny_config(store_folder, training=training | {"checkpoint_every": 4}, grids=grids),
            tmp_path / "run",
            callbacks=[Crash(6)],
        )
    kept = tmp_path / "run" / "epochs"
    assert sorted(path.stem for path in kept.glob("*.png")) == ["epoch_001", "epoch_002", "epoch_003"]
    train(
        tiny_config(store_folder, training=training | {"steps": 5}, grids=grids),
        tmp_path / "run",
        resume=True,
    )
    names = [f"epoch_00{number}{suffix}" for number in (1, 2) for suffix in (".npz", ".png")]
    assert sorted(path.name for path in kept.iterdir()) == names


@pytest.mark.slow
def test_a_run_can_be_resumed_with_a_length_in_other_units(run, config, tmp_path):
    short = tiny_config(config.data.source, training={"steps": 3})
    train(short, tmp_path / "run")
    # 24 images, 4 a step: an epoch is 6 steps.
    longer = tiny_config(
        config.data.source,
        training={"steps": None, "epochs": 1},
        grids={"every": 2, "side": 2, "psnr_pool": 8, "epochs": "each"},
    )
    train(longer, tmp_path / "run", resume=True)
    assert sha256(tmp_path / "run") == sha256(run)


@pytest.mark.slow
def test_a_dcgan_with_dropout_resumes_to_the_same_bits(store_folder, tmp_path):
    settings = {"steps": 9, "checkpoint_every": 4, "batch_size": 8}
    config = tiny_dcgan(store_folder, training=settings, grids={"every": 2, "side": 2, "epochs": "each"})
    objective = config.objective.model_copy(update={"reuse_latents": True})
    config = config.model_copy(update={"objective": objective})
    straight = train(config, tmp_path / "straight")
    with pytest.raises(RuntimeError):
        train(config, tmp_path / "crashed", callbacks=[Crash(7)])
    crashed = train(config, tmp_path / "crashed", resume=True)
    assert sha256(crashed) == sha256(straight)
    for name in ("metrics.jsonl", "psnr.jsonl"):
        assert (crashed / name).read_bytes() == (straight / name).read_bytes()
    assert record(crashed)["losses"] == record(straight)["losses"]
    for folder in ("grids", "epochs"):
        pictures = {path.name: path.read_bytes() for path in (straight / folder).glob("*.png")}
        assert {path.name: path.read_bytes() for path in (crashed / folder).glob("*.png")} == pictures


def test_steps_after_the_last_checkpoint_are_not_in_the_logs_twice_after_a_crash(run, config, tmp_path):
    with pytest.raises(RuntimeError):
        train(config, tmp_path / "run", callbacks=[Crash(5)])
    assert record(tmp_path / "run")["status"] == "failed"
    assert metrics(tmp_path / "run")[-1]["step"] == 5
    train(config, tmp_path / "run", resume=True)
    assert metrics(tmp_path / "run") == metrics(run)
    assert sha256(tmp_path / "run") == sha256(run)
    assert tensorboard_steps(tmp_path / "run") == tensorboard_steps(run)


@pytest.mark.slow
def test_a_finished_run_can_be_made_longer_and_resuming_again_changes_nothing(run, config, tmp_path):
    # Step 5 is logged and drawn only because it is the end: none of that stays in the longer run.
    short = tiny_config(config.data.source, training={"steps": 5, "log_every": 3})
    train(short, tmp_path / "run")
    assert [line["step"] for line in metrics(tmp_path / "run")] == [3, 5]
    whole = tiny_config(config.data.source, training={"steps": 6, "log_every": 3})
    for _ in range(2):
        train(whole, tmp_path / "run", resume=True)
        assert sha256(tmp_path / "run") == sha256(run)
        assert [line["step"] for line in metrics(tmp_path / "run")] == [3, 6]
        assert sorted(p.name for p in (tmp_path / "run" / "grids").iterdir()) == [
            f"step_{step:06d}.png" for step in (2, 4, 6)
        ]


@pytest.mark.slow
def test_resuming_with_other_intervals_keeps_what_was_written_before(config, tmp_path):
    stopped = train(config, tmp_path / "run", callbacks=[StopAfter(4)])
    rarer = tiny_config(
        config.data.source,
        training={"log_every": 3, "steps": 8},
        grids={"every": 5, "side": 2, "psnr_pool": 8},
    )
    train(rarer, stopped, resume=True)
    assert [line["step"] for line in metrics(stopped)] == [1, 2, 3, 4, 6, 8]
    assert [path.name for path in sorted((stopped / "grids").iterdir())] == [
        f"step_{step:06d}.png" for step in (2, 4, 5, 8)
    ]
    assert tensorboard_steps(stopped)["psnr"] == [2, 4, 5, 8]


@pytest.mark.slow
def test_a_last_grid_whose_psnr_was_not_written_is_drawn_again(config, tmp_path, monkeypatch):
    ends = tiny_config(
        config.data.source, training={"steps": 3}, grids={"every": 2, "side": 2, "psnr_pool": 8}
    )

    write = PsnrLog.write

    def killed_at_the_end(log, step, faces):
        if step == 3:
            raise RuntimeError("pulled the plug")
        write(log, step, faces)

    with monkeypatch.context() as patch:
        patch.setattr(PsnrLog, "write", killed_at_the_end)
        with pytest.raises(RuntimeError):
            train(ends, tmp_path / "run")
    train(ends, tmp_path / "run", resume=True)
    assert [line["step"] for line in json_lines(tmp_path / "run" / "psnr.jsonl")] == [2, 3]


@pytest.mark.slow
def test_resuming_with_fewer_steps_than_are_done_changes_nothing(config, tmp_path):
    train(config, tmp_path / "run")
    before = (tmp_path / "run" / "config.yaml").read_bytes()
    train(tiny_config(config.data.source, training={"steps": 2}), tmp_path / "run", resume=True)
    assert (tmp_path / "run" / "config.yaml").read_bytes() == before


@pytest.mark.slow
def test_a_line_torn_by_a_crash_is_written_again(run, config, tmp_path):
    stopped = train(config, tmp_path / "run", callbacks=[StopAfter(4)])
    assert record(stopped)["status"] == "stopped"
    with (stopped / "metrics.jsonl").open("a") as file:
        file.write('{"step": 5, "ima')
    train(config, stopped, resume=True)
    assert metrics(stopped) == metrics(run)


@pytest.mark.slow
def test_a_run_starts_in_a_folder_where_one_was_killed_at_its_start(run, config, tmp_path):
    (tmp_path / "run").mkdir()
    for name in ("lock", ".config.yaml.partial-99999999"):
        (tmp_path / "run" / name).write_text("")
    shutil.copy(run / "run.json", tmp_path / "run" / "run.json")
    train(config, tmp_path / "run")
    assert sha256(tmp_path / "run") == sha256(run)


@pytest.mark.slow
def test_other_files_among_the_grids_are_left_alone(config, tmp_path):
    stopped = train(config, tmp_path / "run", callbacks=[StopAfter(3)])
    for name in ("step_best.png", "step_000002 copy.png"):
        (stopped / "grids" / name).write_text("mine")
    (stopped / "grids" / "step_000002.png").write_text("damaged")
    train(config, stopped, resume=True)
    assert (stopped / "grids" / "step_best.png").read_text() == "mine"
    with Image.open(stopped / "training.gif") as gif:
        assert gif.n_frames == 2  # steps 4 and 6


@pytest.mark.slow
def test_a_run_whose_precision_was_chosen_keeps_it_on_another_machine(store_folder, tmp_path, monkeypatch):
    config = tiny_config(store_folder, training={"precision": "auto", "steps": 2})
    monkeypatch.setattr(precision, "processor_flags", lambda: frozenset({"amx_bf16"}))
    run = train(config, tmp_path / "run")
    assert load_config(run / "config.yaml").training.precision == "bfloat16"
    monkeypatch.setattr(precision, "processor_flags", frozenset)
    longer = tiny_config(store_folder, training={"precision": "auto", "steps": 3})
    train(longer, run, resume=True)
    assert load_config(run / "config.yaml").training.precision == "bfloat16"
    assert record(run)["status"] == "finished"
