"""Curves of the scores of a training."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from facegan_tf.common.files import atomic_file


def save_score_curves(path: Path, evaluations: Sequence[dict[str, Any]], best_by: str) -> None:
    """Draw the scores of a training's evaluations against its steps, and against its time, as PNG.

    evaluations: records, of which those without `training` are left out, and those that were measured
    otherwise than the last. The best by `best_by` is marked.
    """
    during = [record for record in evaluations if "training" in record]
    names = [name for name in ("fid", "kid", "swd", "ms_ssim") if name in during[-1]["scores"]]
    during = [record for record in during if _measure(record) == _measure(during[-1])]
    figure = Figure(figsize=(9, 2.4 * len(names) + 0.6), layout="constrained")
    axes = figure.subplots(len(names), 2, sharex="col", sharey="row", squeeze=False)
    steps = np.array([record["training"]["step"] for record in during])
    minutes = np.array([record["training"]["seconds"] for record in during]) / 60
    images_a_step = during[-1]["training"]["images"] / steps[-1]
    for row, name in zip(axes, names, strict=True):
        scores = np.array([record["scores"][name] for record in during])
        for axis, places in zip(row, (steps, minutes), strict=True):
            axis.plot(places, scores, marker="o", markersize=3)
            if name == best_by:
                best = int(scores.argmin())
                axis.plot(places[best], scores[best], "*", color="tab:red", markersize=12, label="best")
                axis.legend()
            axis.grid(alpha=0.3)
        row[0].set_ylabel(name)
    axes[-1, 0].set_xlabel("step")
    axes[-1, 1].set_xlabel("minutes of training")
    seen = axes[0, 0].secondary_xaxis(
        "top", functions=(lambda s: s * images_a_step, lambda i: i / images_a_step)
    )
    seen.set_xlabel("reals seen")
    figure.suptitle(f"N = {during[-1]['generated']['count']:,} of each side")
    with atomic_file(path) as partial:
        figure.savefig(partial, format="png", dpi=100)


def _measure(record: dict[str, Any]) -> tuple[int, str | None]:
    """N and the feature network of an evaluation: one curve is of one measure."""
    return record["generated"]["count"], (record["features"] or {}).get("sha256")
