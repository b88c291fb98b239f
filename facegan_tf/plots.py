"""Curves of a run."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from facegan_tf.files import atomic_file


def save_curves(path: Path, metrics: Sequence[dict[str, float]]) -> None:
    """Draw both losses over the steps, faint, and their smoothed form over them, as PNG."""
    figure = Figure(figsize=(9, 5), layout="constrained")  # no pyplot: no global state, no display
    axes = figure.add_subplot()
    steps = np.array([line["step"] for line in metrics])
    for key, label, colour in [
        ("d_loss", "discriminator", "tab:blue"),
        ("g_loss", "generator", "tab:orange"),
    ]:
        losses = np.array([line[key] for line in metrics])
        axes.plot(steps, losses, color=colour, alpha=0.25, linewidth=0.8)
        axes.plot(steps, smooth(losses), color=colour, label=label, marker=_marker(steps))
    axes.set(xlabel="step", ylabel="binary cross-entropy", ylim=(0, None))
    axes.legend()
    axes.grid(alpha=0.3)
    with atomic_file(path) as partial:
        figure.savefig(partial, format="png", dpi=100)


def save_psnr_curves(path: Path, psnr: Sequence[dict[str, Any]], among_reals: float) -> None:
    """Draw the PSNR of the first 4 control faces, and the mean of all, over the steps, as PNG.

    psnr: lines of psnr.jsonl; among_reals: what two different reals score, in dB, as a dashed line.
    """
    figure = Figure(figsize=(9, 5), layout="constrained")
    axes = figure.add_subplot()
    steps = [line["step"] for line in psnr]
    faces = np.array([line["faces"] for line in psnr])
    for number, scores in enumerate(faces.T[:4]):
        axes.plot(steps, scores, alpha=0.6, linewidth=0.8, label=f"face {number}", marker=_marker(steps))
    mean = faces.mean(axis=1)
    axes.plot(steps, mean, color="black", label=f"mean of {faces.shape[1]}", marker=_marker(steps))
    axes.axhline(among_reals, color="grey", linestyle="--", label="two different reals")
    axes.set(xlabel="step", ylabel="PSNR to the nearest real (dB)")
    axes.legend()
    axes.grid(alpha=0.3)
    with atomic_file(path) as partial:
        figure.savefig(partial, format="png", dpi=100)


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


def _marker(steps: Sequence[int] | np.ndarray) -> str | None:
    """A line of one point is no line: it needs a mark to be seen."""
    return "o" if len(steps) == 1 else None


def smooth(values: np.ndarray, share: float = 0.03) -> np.ndarray:
    """Centred moving mean of [N] values over about `share` of them; the ends use what there is."""
    half = int(len(values) * share / 2)
    sums = np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])
    places = np.arange(len(values))
    low, high = np.maximum(places - half, 0), np.minimum(places + half + 1, len(values))
    return (sums[high] - sums[low]) / (high - low)
