"""Curves of a run."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from facegan_tf.common.files import atomic_file


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
