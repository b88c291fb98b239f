"""Curves of a run: its losses, and the PSNR of its control faces."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from facegan_tf.common.files import atomic_file
from facegan_tf.run.logs import loss_names

UNKNOWN_UNIT = "loss"
"""Label of the axis for losses whose unit the run does not record."""


def save_curves(
    path: Path, lines: Sequence[Mapping[str, Any]], curves: Mapping[str, Mapping[str, str]]
) -> None:
    """Draw the losses over the steps as PNG: faint lines, with smoothed ones on top.

    lines: lines of metrics.jsonl. A loss need not be in every line. curves: the `label` and the `unit` of
    each loss by its name, from run.json; a loss that is missing there is labelled with its name. The losses
    of one unit share a panel.
    """
    panels: dict[str, list[str]] = {}
    for name in loss_names(lines):
        panels.setdefault(curves.get(name, {}).get("unit", UNKNOWN_UNIT), []).append(name)
    # A Figure made without pyplot needs no display and leaves no global state.
    figure = Figure(figsize=(9, 1 + 4 * len(panels)), layout="constrained")
    colours = iter(f"C{number}" for number in range(sum(map(len, panels.values()))))
    rows = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    for axes, (unit, names) in zip(rows, panels.items(), strict=True):
        for name in names:
            _draw_loss(axes, lines, name, curves.get(name, {}).get("label", name), next(colours))
        axes.set_ylabel(unit)
        if axes.dataLim.y0 >= 0:  # a loss such as the cross-entropy of noisy targets can fall below 0
            axes.set_ylim(bottom=0)
        axes.legend()
        axes.grid(alpha=0.3)
    rows[-1].set_xlabel("step")
    with atomic_file(path) as partial:
        figure.savefig(partial, format="png", dpi=100)


def _draw_loss(axes: Axes, lines: Sequence[Mapping[str, Any]], name: str, label: str, colour: str) -> None:
    known = [line for line in lines if line.get(name) is not None]
    steps = [line["step"] for line in known]
    losses = np.array([line[name] for line in known], np.float64)
    axes.plot(steps, losses, color=colour, alpha=0.25, linewidth=0.8)
    axes.plot(steps, smooth(losses), color=colour, label=label, marker=_marker(steps))


def save_psnr_curves(path: Path, psnr: Sequence[dict[str, Any]], among_reals: float) -> None:
    """Draw the PSNR of the first 4 control faces and the mean of all over the steps, as PNG.

    psnr: lines of psnr.jsonl. among_reals: PSNR between two different reals, in dB, drawn as a dashed line.
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


def smooth(values: np.ndarray, share: float = 0.03) -> np.ndarray:
    """Centred moving mean of values [N] over about `share` of them; at the ends, over those that exist."""
    half = int(len(values) * share / 2)
    sums = np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])
    places = np.arange(len(values))
    low, high = np.maximum(places - half, 0), np.minimum(places + half + 1, len(values))
    return (sums[high] - sums[low]) / (high - low)


def _marker(steps: Sequence[int]) -> str | None:
    """A line through a single point is invisible without a marker."""
    return "o" if len(steps) == 1 else None
