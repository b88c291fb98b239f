"""Curves of the scores during training."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from facegan_tf.common.files import atomic_file
from facegan_tf.evaluation.comparable import same_measure
from facegan_tf.evaluation.metrics import METRICS


def save_score_curves(path: Path, evaluations: Sequence[dict[str, Any]], best_by: str) -> None:
    """Draw each metric's scores against steps and against minutes of training, as PNG.

    evaluations: records, the last one from training. Records without `training`, and those that can't be
    compared with the last, are left out. The best score of the metric `best_by` is marked.
    """
    during = [record for record in evaluations if "training" in record]
    during = [record for record in during if same_measure(record, during[-1])]
    names = [name for name in METRICS if name in during[-1]["scores"]]
    figure = Figure(figsize=(9, 1.8 * len(names) + 0.9), layout="constrained")
    axes = figure.subplots(len(names), 2, sharex="col", sharey="row", squeeze=False)
    for row, name in zip(axes, names, strict=True):
        _draw(row, name, [record for record in during if name in record["scores"]], name == best_by)
    axes[-1, 0].set_xlabel("step")
    axes[-1, 1].set_xlabel("minutes of training")
    last = during[-1]["training"]
    images_per_step = last["images"] / last["step"]
    images = axes[0, 0].secondary_xaxis(
        "top", functions=(lambda step: step * images_per_step, lambda image: image / images_per_step)
    )
    images.set_xlabel("reals seen")
    figure.suptitle(f"N = {during[-1]['generated']['count']:,} of each side")
    with atomic_file(path) as partial:
        figure.savefig(partial, format="png", dpi=100)


def _draw(row: np.ndarray, name: str, records: Sequence[dict[str, Any]], mark_best: bool) -> None:
    """Draw a metric's scores in its two panels, against steps and against minutes."""
    steps = [record["training"]["step"] for record in records]
    minutes = [record["training"]["seconds"] / 60 for record in records]
    scores = [record["scores"][name] for record in records]
    for axis, positions in zip(row, (steps, minutes), strict=True):
        axis.plot(positions, scores, marker="o", markersize=3)
        if mark_best:
            best = METRICS[name].best(scores)
            axis.plot(positions[best], scores[best], "*", color="tab:red", markersize=12, label="best")
            axis.legend()
        axis.grid(alpha=0.3)
    row[0].set_ylabel(name)
