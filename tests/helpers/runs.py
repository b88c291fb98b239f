"""What trainings left in their run directories."""

import json

from facegan_tf.model.state import weights_sha256
from facegan_tf.run.restore import restore_run


def json_lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def metrics(run):
    return json_lines(run / "metrics.jsonl")


def record(run):
    return json.loads((run / "run.json").read_text())


def sha256(run):
    """The hash of the weights in the newest checkpoint."""
    return weights_sha256(restore_run(run)[0])


def tensorboard_steps(run):
    """The steps that TensorBoard has of each tag, in the order of its log."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(run / "tensorboard"), size_guidance={"tensors": 0})
    events.Reload()
    return {tag: [event.step for event in events.Tensors(tag)] for tag in events.Tags()["tensors"]}
