import json

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from facegan_tf.run.directory import RunDirectory
from facegan_tf.run.records import EvaluationFiles
from facegan_tf.run.rewind import rewind
from facegan_tf.run.tensorboard import EventLog
from tests.helpers.configs import tiny_config
from tests.helpers.fake_run import evaluation, make_run

INTERVALS = {
    "training": {"steps": 10, "log_every": 2},
    "grids": {"every": 3, "side": 2},
    "evaluation": {"every": 4},
}


def write(log, lines):
    log.write_text("".join(json.dumps(line) + "\n" for line in lines))


@pytest.fixture
def run(tmp_path):
    """Ten steps: losses logged every 2, grids every 3, scores every 4, and all of them at the end."""
    grids, scored = (3, 6, 9, 10), (4, 8, 10)
    folder = make_run(
        tmp_path / "run",
        steps=grids,
        evaluations=[evaluation(step=step, training=True) for step in scored],
        **INTERVALS,
    )
    run = RunDirectory(folder)
    EvaluationFiles(folder).add(evaluation(step=10))  # made by `facegan evaluate`
    lines = [{"step": step, "images": 4 * step, "penalty": 1.0} for step in (2, 4, 6, 8, 10)]
    write(run.metrics, lines + [{"step": s, "images": 4 * s, "scores/fid": 2.0} for s in scored])
    write(run.psnr, [{"step": step, "mean": 9.0, "faces": [9.0]} for step in grids])
    events = EventLog(run.tensorboard)
    for step in range(1, 11):
        if step % 2 == 0:
            events.add_scalars(step, {"penalty": 1.0, "images_per_second": 5.0})
        if step in scored:
            events.add_scalars(step, {"scores/fid": 2.0})
        if step in grids:
            events.add_picture(step, "control_vectors", np.zeros((2, 2, 3), np.uint8))
            events.add_scalars(step, {"psnr": 9.0})
    events.close()
    for epoch in (1, 2, 3):
        for suffix in (".png", ".npz"):
            run.epoch(epoch, suffix).parent.mkdir(exist_ok=True)
            run.epoch(epoch, suffix).write_text("")
    return run


def left(run):
    """The steps that each kind of record is there for."""
    lines = [json.loads(line) for line in run.metrics.read_text().splitlines()]
    evaluations = [record["training"]["step"] for record in run.read_evaluations() if "training" in record]
    scores = [line["step"] for line in lines if "scores/fid" in line]
    psnr = [line["step"] for line in run.read_psnr()]
    grids = [int(path.stem[-6:]) for path in run.grid_paths()]
    assert (evaluations, psnr) == (scores, grids)
    losses = [line["step"] for line in lines if "penalty" in line]
    assert tensorboard(run) == {
        "penalty": losses,
        "images_per_second": losses,
        "scores/fid": scores,
        "control_vectors": grids,
        "psnr": grids,
    }
    return losses, scores, grids


def tensorboard(run):
    events = EventAccumulator(str(run.tensorboard), size_guidance={"tensors": 0}).Reload()
    tags = events.Tags().get("tensors", ())
    names = ("penalty", "images_per_second", "scores/fid", "control_vectors", "psnr")
    return {name: [e.step for e in events.Tensors(name)] if name in tags else [] for name in names}


def rewound(run, step, steps=20):
    config = tiny_config("photos.zip", training={"steps": steps})
    rewind(run, step, config, images=12)  # 3 steps an epoch
    return left(run)


def test_later_records_go_and_earlier_ones_stay(run):
    assert rewound(run, 7) == ([2, 4, 6], [4], [3, 6])
    assert sorted(path.name for path in run.epochs.iterdir()) == [
        f"epoch_00{epoch}{suffix}" for epoch in (1, 2) for suffix in (".npz", ".png")
    ]


def test_at_the_step_itself_stays_what_was_due_then(run):
    assert rewound(run, 4) == ([2, 4], [4], [3])
    assert rewound(run, 3) == ([2], [], [3])


def test_what_was_written_only_because_the_run_ended_there_goes_once_it_is_not_the_end(run):
    assert rewound(run, 10, steps=20) == ([2, 4, 6, 8, 10], [4, 8], [3, 6, 9])


def test_at_the_end_everything_stays(run):
    assert rewound(run, 10, steps=10) == ([2, 4, 6, 8, 10], [4, 8, 10], [3, 6, 9, 10])


def test_back_at_the_start_nothing_stays_but_evaluations_by_hand(run):
    assert rewound(run, 0) == ([], [], [])
    assert [record["generated"]["checkpoint_step"] for record in run.read_evaluations()] == [10]


def test_intervals_are_those_that_the_records_were_written_at(run):
    config = tiny_config("photos.zip", training={"steps": 20, "log_every": 5}, grids={"every": 5, "side": 2})
    rewind(run, 6, config, images=12)
    assert left(run) == ([2, 4, 6], [4], [3, 6])


def test_a_missing_log_is_worth_a_warning_only_once_it_should_have_lines(run, capsys):
    run.metrics.unlink()
    rewind(run, 1, tiny_config("photos.zip"), images=12)
    assert not capsys.readouterr().err
    rewind(run, 2, tiny_config("photos.zip"), images=12)
    assert "metrics.jsonl is missing" in capsys.readouterr().err
