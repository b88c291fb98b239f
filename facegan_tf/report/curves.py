"""Losses and scores of several runs, a figure for each loss or score that the runs have logged."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from facegan_tf.run.directory import RunDirectory
from facegan_tf.run.logs import loss_names
from facegan_tf.run.plots import smooth

MARKED = 30
"""Curves with fewer points than this show each point: a line through a single one would be invisible."""


@dataclass
class Panel:
    """One figure: the same quantity in several runs."""

    title: str
    unit: str
    """Label of the vertical axis."""
    curves: dict[str, tuple[list[int], np.ndarray]] = field(default_factory=dict)
    """By the run's name: the numbers of reals seen, and the value at each."""


def label_and_unit(name: str, curves: Mapping[str, Mapping[str, str]]) -> tuple[str, str]:
    """Return the label and unit of a loss, from a run's `curves`; if they lack it, its name and no unit."""
    curve = curves.get(name, {})
    return curve.get("label", name), curve.get("unit", "")


def loss_panels(runs: Mapping[str, RunDirectory], records: Mapping[str, dict[str, Any]]) -> list[Panel]:
    """Return a panel for each loss that any run has logged, with smoothed values, in the order first logged.

    runs and records: by the name of the run, its directory and what its run.json holds. A loss that two runs
    give in different units gets a panel for each unit: such numbers can't share an axis.
    """
    panels: dict[tuple[str, str], Panel] = {}
    for run_name, run in runs.items():
        lines = run.read_losses()
        for name in loss_names(lines):
            label, unit = label_and_unit(name, records[run_name].get("curves", {}))
            title = f"Loss: {label} ({unit})" if unit else f"Loss: {label}"
            panel = panels.setdefault((label, unit), Panel(title, unit or label))
            known = [line for line in lines if line.get(name) is not None]
            values = smooth(np.array([line[name] for line in known], np.float64))
            panel.curves[run_name] = ([line["images"] for line in known], values)
    return list(panels.values())


def score_panels(runs: Mapping[str, RunDirectory], metrics: Iterable[str]) -> list[Panel]:
    """Return a panel for each of the metrics that any run has computed while it was training."""
    panels = {name: Panel(f"Score while training: {name}", name) for name in metrics}
    for run_name, run in runs.items():
        records = [record for record in run.read_evaluations() if "training" in record]
        for name, panel in panels.items():
            known = [record for record in records if name in record["scores"]]
            if known:
                values = np.array([record["scores"][name] for record in known])
                panel.curves[run_name] = ([record["training"]["images"] for record in known], values)
    return [panel for panel in panels.values() if panel.curves]


def draw_panel(panel: Panel) -> Figure:
    """Draw the curves of all runs in one figure. Every value is visible: the axes have no fixed limits."""
    figure = Figure(figsize=(9, 4.5), layout="constrained")  # no pyplot: no global state, no display
    axes = figure.add_subplot()
    for run_name, (images, values) in panel.curves.items():
        axes.plot(images, values, label=run_name, marker=_marker(images), markersize=3)
    axes.set(xlabel="reals seen", ylabel=panel.unit)
    axes.legend()
    axes.grid(alpha=0.3)
    return figure


def _marker(places: Sequence[int]) -> str | None:
    return "o" if len(places) < MARKED else None
