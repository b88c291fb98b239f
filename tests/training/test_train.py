import json
import re
import shutil

import keras
import numpy as np
import pytest
import yaml
from PIL import Image

from facegan_tf import train
from facegan_tf.common import draws
from facegan_tf.common.errors import InputError
from facegan_tf.common.images import grid, to_uint8
from facegan_tf.config.load import load_config
from facegan_tf.model.gan import GAN
from facegan_tf.model.state import weights_sha256
from facegan_tf.run.directory import checkpoint_steps
from facegan_tf.run.restore import restore_run
from facegan_tf.training.pictures import PsnrLog
from facegan_tf.training.train import dry_run
from tests.helpers.configs import make_store, tiny_config, tiny_dcgan
from tests.helpers.interruptions import Crash, StopAfter


class Recorder(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.calls, self.d_losses = [], []

    def on_epoch_begin(self, epoch, logs=None):
        self.calls.append(f"epoch {epoch} begins")

    def on_epoch_end(self, epoch, logs=None):
        self.calls.append(f"epoch {epoch} ends")

    def on_train_batch_end(self, batch, logs=None):
        assert set(logs) == {"d_loss", "g_loss"}
        self.d_losses.append(logs["d_loss"])
        self.calls.append(batch)


@pytest.fixture(scope="module")
def config(store_folder):
    return tiny_config(store_folder)


@pytest.fixture(scope="module")
def run(config, tmp_path_factory):
    """Six steps, undisturbed."""
    return train(config, tmp_path_factory.mktemp("runs") / "straight")


def metrics(run):
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def record(run):
    return json.loads((run / "run.json").read_text())


def sha256(run):
    return weights_sha256(restore_run(run)[0])


def test_a_run_leaves_everything_that_it_promises(run, config):
    files = ["config.yaml", "run.json", "metrics.jsonl", "curves.png", "psnr.jsonl", "psnr.png"]
    for name in (*files, "training.gif", "reals.png"):
        assert (run / name).stat().st_size > 0, name
    assert [p.name for p in sorted((run / "grids").iterdir())] == [
        f"step_{step:06d}.png" for step in (2, 4, 6)
    ]
    assert checkpoint_steps(run / "checkpoints") == [3, 6]
    assert list((run / "tensorboard").glob("events.*"))
    assert not list(run.rglob("*partial*"))
    assert load_config(run) == config.model_copy()
    assert record(run)["status"] == "finished"
    assert record(run)["step"] == 6
    assert {"tensorflow", "keras", "numpy", "pillow", "python"} <= set(record(run)["versions"])


def test_metrics_have_a_line_each_log_interval(run):
    assert [line["step"] for line in metrics(run)] == [1, 2, 3, 4, 5, 6]
    assert [line["images"] for line in metrics(run)] == [4, 8, 12, 16, 20, 24]
    assert all(np.isfinite(line["d_loss"]) and line["d_loss"] > 0 for line in metrics(run))
    assert len({line["g_loss"] for line in metrics(run)}) == 6


def test_the_last_grid_is_what_the_saved_generator_draws_of_the_control_vectors(run, config):
    gan, _ = restore_run(run)
    latents = 0.5 * draws.normal(config.seed, 0, draws.Stream.CONTROL_VECTORS, (4, 4))
    expected = grid(to_uint8(gan.generator(latents)).numpy(), 2)
    with Image.open(run / "grids" / "step_000006.png") as drawn:
        np.testing.assert_array_equal(np.asarray(drawn), expected)


def test_reals_png_shows_images_of_the_store(run, store_folder):
    with Image.open(run / "reals.png") as picture:
        shown = np.asarray(picture).reshape(2, 32, 2, 32, 3).transpose(0, 2, 1, 3, 4).reshape(4, 32, 32, 3)
    stored = np.load(store_folder / "faces-00000-of-00001.npy")
    for image in shown:
        assert (image == stored).all(axis=(1, 2, 3)).sum() == 1


def tensorboard_steps(run):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(run / "tensorboard"), size_guidance={"tensors": 0})
    events.Reload()
    return {tag: [e.step for e in events.Tensors(tag)] for tag in events.Tags()["tensors"]}


def test_tensorboard_has_scalars_and_grids(run):
    assert tensorboard_steps(run) == {
        "d_loss": [1, 2, 3, 4, 5, 6],
        "g_loss": [1, 2, 3, 4, 5, 6],
        "images_per_second": [1, 2, 3, 4, 5, 6],
        "control_vectors": [2, 4, 6],
        "psnr": [2, 4, 6],
    }


@pytest.mark.parametrize("stop_at", [3, 4], ids=["on a checkpoint", "between checkpoints"])
def test_a_stopped_and_resumed_run_ends_in_the_same_bits(run, config, tmp_path, stop_at):
    stopped = train(config, tmp_path / "run", callbacks=[StopAfter(stop_at)])
    assert metrics(stopped)[-1]["step"] == stop_at
    train(config, stopped, resume=True)
    assert sha256(stopped) == sha256(run)
    assert (stopped / "metrics.jsonl").read_bytes() == (run / "metrics.jsonl").read_bytes()
    for step in (2, 4, 6):
        name = f"grids/step_{step:06d}.png"
        assert (stopped / name).read_bytes() == (run / name).read_bytes()


def test_a_run_that_dies_after_its_last_checkpoint_is_finished_on_resuming(config, tmp_path):
    # The last step draws no grid and ends an epoch, and the crash comes once it is saved.
    training = {"steps": 6, "checkpoint_every": 3, "log_every": 4}
    changed = tiny_config(
        config.data.source, training=training, grids={"every": 4, "side": 2, "epochs": "each"}
    )
    straight = train(changed, tmp_path / "straight")
    with pytest.raises(RuntimeError, match="plug"):
        train(changed, tmp_path / "run", callbacks=[Crash(6)])
    assert not (tmp_path / "run" / "training.gif").exists()
    run = train(changed, tmp_path / "run", resume=True)
    assert record(run)["status"] == "finished"
    for path in straight.rglob("*.*"):
        if path.suffix in (".png", ".gif", ".jsonl"):
            assert (run / path.relative_to(straight)).read_bytes() == path.read_bytes(), path


def test_an_epochs_faces_are_kept_before_its_last_step_is_saved(config, tmp_path):
    class CrashWhileSaving(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            raise RuntimeError("pulled the plug")

    changed = tiny_config(config.data.source, grids={"every": 9, "side": 2, "epochs": "each"})
    with pytest.raises(RuntimeError, match="plug"):
        train(changed, tmp_path / "run", callbacks=[CrashWhileSaving()])
    assert (tmp_path / "run" / "epochs" / "epoch_001.npz").exists()


def test_epochs_that_a_shortened_run_never_ends_are_forgotten(store_folder, tmp_path):
    training = {"steps": 6, "batch_size": 12, "checkpoint_every": 2}
    grids = {"every": 9, "side": 2, "epochs": "each"}
    with pytest.raises(RuntimeError, match="plug"):
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


def test_a_length_in_other_units_goes_on_with_a_run_too(run, config, tmp_path):
    short = tiny_config(config.data.source, training={"steps": 3})
    train(short, tmp_path / "run")
    # 24 images of 4 a step: an epoch is 6 steps.
    longer = tiny_config(
        config.data.source,
        training={"steps": None, "epochs": 1},
        grids={"every": 2, "side": 2, "psnr_pool": 8, "epochs": "each"},
    )
    train(longer, tmp_path / "run", resume=True)
    assert sha256(tmp_path / "run") == sha256(run)


@pytest.mark.parametrize("reuse_latents", [False, True])
def test_both_nets_learn_from_the_same_latents_if_so_said(store_folder, tmp_path, monkeypatch, reuse_latents):
    same = []
    step = GAN.train_on_batch

    def watched(gan, reals, latents_d, latents_g, label_noise=None):
        same.append(bool((latents_d == latents_g).numpy().all()))
        return step(gan, reals, latents_d, latents_g, label_noise)

    monkeypatch.setattr(GAN, "train_on_batch", watched)
    config = tiny_dcgan(store_folder, training={"steps": 3})
    objective = config.objective.model_copy(update={"reuse_latents": reuse_latents})
    train(config.model_copy(update={"objective": objective}), tmp_path / "run")
    assert same == [reuse_latents] * 3


@pytest.mark.parametrize("reuse_latents", [False, True])
def test_a_dcgan_with_dropout_resumes_in_the_same_bits_too(store_folder, tmp_path, reuse_latents):
    settings = {"steps": 9, "checkpoint_every": 4, "batch_size": 8}
    config = tiny_dcgan(store_folder, training=settings, grids={"every": 2, "side": 2, "epochs": "each"})
    objective = config.objective.model_copy(update={"reuse_latents": reuse_latents})
    config = config.model_copy(update={"objective": objective})
    straight = train(config, tmp_path / "straight")
    with pytest.raises(RuntimeError, match="plug"):
        train(config, tmp_path / "crashed", callbacks=[Crash(7)])
    crashed = train(config, tmp_path / "crashed", resume=True)
    assert sha256(crashed) == sha256(straight)
    for name in ("metrics.jsonl", "psnr.jsonl"):
        assert (crashed / name).read_bytes() == (straight / name).read_bytes()
    assert record(crashed)["losses"] == record(straight)["losses"]
    for folder in ("grids", "epochs"):
        pictures = {path.name: path.read_bytes() for path in (straight / folder).glob("*.png")}
        assert {path.name: path.read_bytes() for path in (crashed / folder).glob("*.png")} == pictures


def test_losses_are_summed_up_over_every_step_and_printed(config, tmp_path, capsys):
    sparse = tiny_config(config.data.source, training={"log_every": 3, "steps": 5})
    recorder = Recorder()
    run = train(sparse, tmp_path / "run", callbacks=[recorder])
    losses = recorder.d_losses
    assert len(losses) == 5
    summary = record(run)["losses"]["d_loss"]
    assert summary["mean"] == pytest.approx(np.mean(losses))
    assert summary["minimum"] == min(losses)
    assert summary["minimum_step"] == 1 + int(np.argmin(losses))
    printed = capsys.readouterr().err
    assert f"mean loss {np.mean(losses):.4f} over 5 steps, minimum {min(losses):.4f} in step" in printed


def test_the_scaled_range_of_the_reals_is_printed(config, tmp_path, capsys, store_folder):
    run = train(tiny_config(config.data.source, training={"steps": 1, "batch_size": 24}), tmp_path / "run")
    pixels = np.load(store_folder / "faces-00000-of-00001.npy")
    low, high = pixels.min() / 127.5 - 1, pixels.max() / 127.5 - 1
    assert f"scaled to {low:.5f} ... {high:.5f} in the first batch: {run / 'reals.png'}" in (
        capsys.readouterr().err
    )


@pytest.mark.parametrize(
    ("length", "steps"),
    [({"epochs": 2}, 6), ({"epochs": 0.5}, 2), ({"images": 41}, 6), ({"images": 40}, 5), ({"steps": 4}, 4)],
)
def test_a_run_is_as_long_as_its_steps_epochs_or_images(store_folder, tmp_path, length, steps):
    training = {"steps": None, "batch_size": 8, "checkpoint_every": 100} | length
    run = train(tiny_config(store_folder, training=training), tmp_path / "run")
    assert checkpoint_steps(run / "checkpoints") == [steps]


def test_epochs_are_of_the_images_that_are_used(store_folder, tmp_path):
    training = {"steps": None, "epochs": 2, "batch_size": 4}
    run = train(tiny_config(store_folder, data={"limit": 8}, training=training), tmp_path / "run")
    assert metrics(run)[-1]["step"] == 4


def test_what_was_written_after_the_last_checkpoint_is_not_there_twice_after_a_crash(run, config, tmp_path):
    with pytest.raises(RuntimeError, match="plug"):
        train(config, tmp_path / "run", callbacks=[Crash(5)])
    assert record(tmp_path / "run")["status"] == "failed"
    assert metrics(tmp_path / "run")[-1]["step"] == 5
    train(config, tmp_path / "run", resume=True)
    assert metrics(tmp_path / "run") == metrics(run)
    assert sha256(tmp_path / "run") == sha256(run)
    assert tensorboard_steps(tmp_path / "run") == tensorboard_steps(run)


def test_a_finished_run_can_be_made_longer_and_resuming_again_changes_nothing(run, config, tmp_path):
    # Step 5 is the end, but no step of the log or of the grids: nothing of it stays once it is no end.
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


def test_other_intervals_on_resuming_leave_what_is_there(config, tmp_path):
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


def test_an_end_that_was_killed_as_it_was_drawn_is_drawn_again(config, tmp_path, monkeypatch):
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
        with pytest.raises(RuntimeError, match="plug"):
            train(ends, tmp_path / "run")
    train(ends, tmp_path / "run", resume=True)
    assert [json.loads(line)["step"] for line in (tmp_path / "run" / "psnr.jsonl").open()] == [2, 3]


def test_fewer_steps_than_are_done_change_nothing(config, tmp_path):
    train(config, tmp_path / "run")
    before = (tmp_path / "run" / "config.yaml").read_bytes()
    train(tiny_config(config.data.source, training={"steps": 2}), tmp_path / "run", resume=True)
    assert (tmp_path / "run" / "config.yaml").read_bytes() == before


def test_a_line_torn_by_a_crash_is_written_again(run, config, tmp_path):
    stopped = train(config, tmp_path / "run", callbacks=[StopAfter(4)])
    assert record(stopped)["status"] == "stopped"
    with (stopped / "metrics.jsonl").open("a") as file:
        file.write('{"step": 5, "ima')
    train(config, stopped, resume=True)
    assert metrics(stopped) == metrics(run)


def test_only_the_newest_checkpoints_stay(config, tmp_path):
    some = tiny_config(config.data.source, training={"checkpoint_every": 1, "keep_checkpoints": 2})
    assert checkpoint_steps(train(some, tmp_path / "run") / "checkpoints") == [5, 6]


def test_an_existing_run_is_refused_with_both_ways_out(run, config):
    with pytest.raises(InputError, match="saved at step 6"):
        train(config, run)
    assert metrics(run)[-1]["step"] == 6


def test_what_a_run_leaves_that_is_killed_as_it_begins_is_not_in_the_way(run, config, tmp_path):
    (tmp_path / "run").mkdir()
    for name in ("lock", ".config.yaml.partial-99999999"):
        (tmp_path / "run" / name).write_text("")
    shutil.copy(run / "run.json", tmp_path / "run" / "run.json")
    train(config, tmp_path / "run")
    assert sha256(tmp_path / "run") == sha256(run)


def test_somebody_elses_files_among_the_grids_stay(config, tmp_path):
    stopped = train(config, tmp_path / "run", callbacks=[StopAfter(3)])
    for name in ("step_best.png", "step_000002 copy.png"):
        (stopped / "grids" / name).write_text("mine")
    (stopped / "grids" / "step_000002.png").write_text("damaged")
    train(config, stopped, resume=True)
    assert (stopped / "grids" / "step_best.png").read_text() == "mine"
    with Image.open(stopped / "training.gif") as gif:
        assert gif.n_frames == 2  # steps 4 and 6


def test_a_folder_of_something_else_is_refused(config, tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(InputError, match="holds no run"):
        train(config, tmp_path, resume=True)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]


def test_resuming_with_other_settings_is_refused_and_each_is_named(run, config):
    changed = tiny_config(config.data.source, training={"batch_size": 3}, data={"flip": True})
    with pytest.raises(InputError) as caught:
        train(changed, run, resume=True)
    assert "training.batch_size: 4 in the run, 3 now" in str(caught.value)
    assert "data.flip: false in the run, true now" in str(caught.value)
    assert "optimizers" not in str(caught.value)


def test_resuming_on_other_pixels_is_refused(run, tmp_path):
    other = make_store(tmp_path / "other", 25)
    with pytest.raises(InputError, match="other pixels"):
        train(tiny_config(other), run, resume=True)


def test_own_callbacks_are_called_with_epochs_as_the_data_goes_round(config, tmp_path):
    recorder = Recorder()
    small = tiny_config(config.data.source, data={"limit": 10})
    train(small, tmp_path / "run", callbacks=[recorder])
    # 4 images a step, 10 an epoch: image 10 is in step 2 (counted from 0), image 20 ends step 4.
    assert recorder.calls == [
        *("epoch 0 begins", 0, 1, 2, "epoch 0 ends"),
        *("epoch 1 begins", 3, 4, "epoch 1 ends"),
        *("epoch 2 begins", 5),
    ]


def test_more_images_a_batch_than_there_are_is_refused_before_the_run_begins(store_folder, tmp_path):
    with pytest.raises(InputError, match=r"training\.batch_size: 25.*24 images"):
        train(tiny_config(store_folder, training={"batch_size": 25}), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_single_image_is_refused(store_folder, tmp_path):
    config = tiny_config(store_folder, data={"limit": 1}, training={"batch_size": 1})
    with pytest.raises(InputError, match="has 1 image;"):
        train(config, tmp_path / "run")


def test_the_plan_counts_each_epoch_that_is_kept_and_names_those_beyond_the_end(store_folder, tmp_path):
    def planned(epochs):
        grids = {"every": 10**6, "side": 32, "epochs": epochs}
        training = {"steps": None, "epochs": 100, "batch_size": 24}
        return dry_run(tiny_config(store_folder, training=training, grids=grids), tmp_path / "run")

    def disk(epochs):
        return re.search(r"# disk needed .*", planned(epochs)).group()

    assert disk("each") == disk(list(range(1, 101))) != disk([])
    assert disk([101, 102]) == disk([])
    assert "the run ends before these of grids.epochs: 101, 150" in planned([50, 101, 150])
    assert "the run ends before" not in planned([50, 100])


def test_a_length_without_end_is_refused_at_once_for_its_disk(store_folder, tmp_path):
    endless = tiny_config(store_folder, training={"steps": 2**62}, grids={"every": 10**6, "epochs": "each"})
    with pytest.raises(InputError, match="free disk space"):
        dry_run(endless, tmp_path / "run")


def test_a_store_of_another_size_is_refused(store_folder, tmp_path):
    with pytest.raises(InputError, match=r"images of 32 pixels.*data\.size is 64"):
        train(tiny_config(store_folder, data={"size": 64}), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_too_small_a_disk_is_refused_with_both_figures(config, tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 1000})())
    with pytest.raises(InputError, match=r"0\.00 GiB of free disk space.* GiB more"):
        train(config, tmp_path / "run")


def test_a_dry_run_prints_a_config_that_is_the_same_and_writes_nothing(config, tmp_path):
    printed = dry_run(config, tmp_path / "run")
    assert yaml.safe_load(printed) == config.model_dump(mode="json")
    assert "# steps an epoch   6.00" in printed
    assert "# images in all    24 (4 a step)" in printed
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("settings", "out", "says"),
    [
        ({"data": {"size": 64}}, "run", "images of 32 pixels"),
        ({"data": {"source": "synthetic:8", "crop": "center:8"}}, "run", "data.crop"),
        ({"data": {"source": "nowhere.zip"}}, "run", "data.source: nowhere.zip"),
        ({"training": {"batch_size": 25}}, "run", "more than the 24 images"),
        ({}, "file/run", "is not a folder"),
    ],
)
def test_a_dry_run_refuses_what_training_would(config, tmp_path, settings, out, says):
    (tmp_path / "file").write_text("")
    settings.setdefault("data", {})["cache"] = str(tmp_path / "cache")
    changed = tiny_config(settings["data"].get("source", config.data.source), **settings)
    for attempt in (dry_run, train):
        with pytest.raises(InputError, match=says):
            attempt(changed, tmp_path / out)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_raw_source_is_prepared_once_into_the_cache(tmp_path):
    config = tiny_config("synthetic:8", data={"cache": str(tmp_path / "cache")}, training={"steps": 1})
    train(config, tmp_path / "one")
    [store] = (tmp_path / "cache").iterdir()
    made = (store / "manifest.json").stat().st_mtime_ns
    train(config, tmp_path / "two")
    assert [store] == list((tmp_path / "cache").iterdir())
    assert (store / "manifest.json").stat().st_mtime_ns == made
