"""`facegan compare`: runs side by side in one page: scores, curves, grids, and settings that differ."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from facegan_tf.common.errors import InputError
from facegan_tf.common.files import refuse_existing, writable_parent
from facegan_tf.config.yaml_settings import read_yaml
from facegan_tf.evaluation.text import MEANINGS, provenance, written, written_with_deviation
from facegan_tf.report import pictures
from facegan_tf.report.page import open_run, read_record, write_page
from facegan_tf.run.directory import RunDirectory, number_of
from facegan_tf.run.plots import smooth
from facegan_tf.run.records import newest_evaluation
from facegan_tf.run.resume import flat

CURVES = (("d_loss", "discriminator's loss"), ("g_loss", "generator's loss"))
SCORE_CURVES = ("fid", "kid", "swd", "ms_ssim")


def write_comparison(paths: Sequence[str | Path], out: str | Path) -> Path:
    """Write the page `out` that compares two or more runs, and return where it is.

    Scores are marked as the best only where all were measured alike. Raises InputError for fewer runs than
    two, for what is no run, and if `out` exists.
    """
    out = Path(out)
    if len(paths) < 2:
        raise InputError("compare: takes two runs or more; `facegan report` shows a single one")
    runs = [open_run(path) for path in paths]
    refuse_existing(out)
    writable_parent(out)
    newest = [newest_evaluation(run.read_evaluations()) for run in runs]
    names = _names(runs)
    differences = _measured_otherwise(newest)
    write_page(
        out,
        "compare.html",
        names=names,
        rows=_rows(newest, comparable=not differences),
        differences=differences,
        provenance=[(name, provenance(record)) for name, record in zip(names, newest, strict=True) if record],
        lacking=[name for name, record in zip(names, newest, strict=True) if not record],
        figures=_figures(names, runs),
        runs=[_about(name, run) for name, run in zip(names, runs, strict=True)],
        settings=_settings(runs),
    )
    return out


def _names(runs: Sequence[RunDirectory]) -> list[str]:
    """The folders' names, or their whole paths if some share a name."""
    names = [run.folder.resolve().name for run in runs]
    return names if len(set(names)) == len(names) else [str(run.folder) for run in runs]


def _measured_otherwise(newest: Sequence[dict[str, Any] | None]) -> list[str]:
    """In which ways the evaluations differ, each of which makes scores that can't be compared."""

    def measures(record: dict[str, Any]) -> dict[str, Any]:
        features = record["features"] or {}
        return {
            "images of each side": record["generated"]["count"],
            "pixels": record["generated"]["size"],
            "reference (fingerprint)": record["reference"]["fingerprint"][:12],
            "feature network (SHA-256)": features.get("sha256", "none")[:12],
            "range of the network's input": features.get("range", "none"),
            "resizing for the network": features.get("resize", "none"),
        }

    known = [measures(record) for record in newest if record]
    if not known:
        return []
    values = {what: [str(measure[what]) for measure in known] for what in known[0]}
    return [f"{what}: {' | '.join(found)}" for what, found in values.items() if len(set(found)) > 1]


def _rows(newest: Sequence[dict[str, Any] | None], comparable: bool) -> list[dict[str, Any]]:
    rows = []
    for name, (better, meaning) in MEANINGS.items():
        values = [record["scores"].get(name) if record else None for record in newest]
        known = [value for value in values if value is not None]
        if not known:
            continue
        best = (min(known) if better == "lower" else max(known)) if better and len(set(known)) > 1 else None
        cells = [
            {
                "text": written_with_deviation(record["scores"], name)
                if record and value is not None
                else "",
                "reals": _reals(record, name),
                "best": comparable and value is not None and value == best,
            }
            for record, value in zip(newest, values, strict=True)
        ]
        rows.append({"name": name, "better": better or "", "meaning": meaning, "cells": cells})
    return rows


def _reals(record: dict[str, Any] | None, name: str) -> str:
    scores = record["reference_scores"] if record else {}
    return written(name, scores[name]) if name in scores else ""


def _figures(names: Sequence[str], runs: Sequence[RunDirectory]) -> list[tuple[str, str]]:
    """(what, picture) of each curve that at least one run has, all runs in one."""
    figures = []
    losses = [run.read_losses() for run in runs]
    for key, title in CURVES:
        curves = [
            ([line["images"] for line in lines], smooth(np.array([line[key] for line in lines])))
            for lines in losses
        ]
        if any(len(places) for places, _ in curves):
            figures.append((title, _overlaid(names, curves, f"{title}, smoothed")))
    during = [[r for r in run.read_evaluations() if "training" in r] for run in runs]
    for name in SCORE_CURVES:
        curves = [
            (
                [r["training"]["images"] for r in records if name in r["scores"]],
                np.array([r["scores"][name] for r in records if name in r["scores"]]),
            )
            for records in during
        ]
        if any(len(places) for places, _ in curves):
            figures.append((f"{name} while training", _overlaid(names, curves, name)))
    return figures


def _overlaid(names: Sequence[str], curves: Sequence[tuple[Sequence[int], np.ndarray]], label: str) -> str:
    figure = Figure(figsize=(9, 4.5), layout="constrained")
    axes = figure.add_subplot()
    for name, (places, values) in zip(names, curves, strict=True):
        if len(places):
            axes.plot(places, values, label=name, marker="o" if len(places) < 30 else None, markersize=3)
    axes.set(xlabel="reals seen", ylabel=label)
    axes.legend()
    axes.grid(alpha=0.3)
    return pictures.embedded_figure(figure)


def _about(name: str, run: RunDirectory) -> dict[str, Any]:
    grids, best = run.grid_paths(), run.best_step()
    record = read_record(run)
    return {
        "name": name,
        "folder": str(run.folder),
        "status": record.get("status", "unknown"),
        "step": record.get("step", 0),
        "last": pictures.embedded(grids[-1]) if grids else None,
        "last_step": number_of(grids[-1]) if grids else None,
        "best": pictures.embedded(run.best_grid) if best is not None else None,
        "best_step": best,
    }


def _settings(runs: Sequence[RunDirectory]) -> list[tuple[str, list[str]]]:
    """Each setting that the runs don't share, with its value in each."""
    all_settings = [flat(read_yaml(run.config).plain()) for run in runs]
    keys = dict.fromkeys(key for settings in all_settings for key in settings)
    values = {key: [settings.get(key, "") for settings in all_settings] for key in keys}
    return [(key, found) for key, found in values.items() if len(set(found)) > 1]
