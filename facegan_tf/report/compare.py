"""`facegan compare`: a page with runs side by side: scores, faces, curves, and the settings that differ."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from facegan_tf.common.errors import InputError
from facegan_tf.common.files import refuse_existing, writable_parent
from facegan_tf.config.yaml_settings import read_yaml
from facegan_tf.evaluation.comparable import differences
from facegan_tf.evaluation.metrics import METRICS
from facegan_tf.evaluation.text import provenance, written, written_with_deviation
from facegan_tf.report import curves, pictures
from facegan_tf.report.page import open_run, read_record, write_page
from facegan_tf.run.directory import RunDirectory, number_of
from facegan_tf.run.records import newest_evaluation
from facegan_tf.run.resume import flat


def write_comparison(paths: Sequence[str | Path], out: str | Path) -> Path:
    """Write the page `out`, which compares two or more runs, and return its path.

    The best score of a metric is marked only if all runs were measured in the same way. Raises InputError
    for fewer than two runs, a run given twice, a path that is not a run, and an `out` that exists or can't
    be written.
    """
    out = Path(out)
    if len(paths) < 2:
        raise InputError("runs", len(paths), "must be two or more; `facegan report` shows a single one")
    runs = [open_run(path) for path in paths]
    for number, run in enumerate(runs):
        if run.folder.resolve() in [other.folder.resolve() for other in runs[:number]]:
            raise InputError("runs", run.folder, "is given twice; leave one out")
    refuse_existing(out)
    writable_parent(out)
    by_name = dict(zip(_display_names(runs), runs, strict=True))
    records = {name: read_record(run) for name, run in by_name.items()}
    newest = {name: newest_evaluation(run.read_evaluations()) for name, run in by_name.items()}
    differing = _measured_differently(list(newest.values()))
    write_page(
        out,
        "compare.html",
        names=list(by_name),
        rows=_rows(list(newest.values()), comparable=not differing),
        differences=differing,
        provenance=[(name, provenance(record)) for name, record in newest.items() if record],
        unscored=[name for name, record in newest.items() if not record],
        figures=_figures(by_name, records),
        runs=[_summary(name, run, records[name]) for name, run in by_name.items()],
        settings=_differing_settings(runs),
    )
    return out


def _display_names(runs: Sequence[RunDirectory]) -> list[str]:
    """Return the folders' names, or their whole paths if two runs have the same name."""
    names = [run.folder.resolve().name for run in runs]
    return names if len(set(names)) == len(names) else [str(run.folder) for run in runs]


def _measured_differently(newest: Sequence[dict[str, Any] | None]) -> list[str]:
    """The facts by which the evaluations differ; any of them makes their scores incomparable."""
    found = differences([record for record in newest if record])
    return [f"{name}: {' | '.join(map(_in_short, values))}" for name, values in found.items()]


def _in_short(value: Any) -> str:
    return value[:12] if isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value) else str(value)


def _rows(newest: Sequence[dict[str, Any] | None], comparable: bool) -> list[dict[str, Any]]:
    rows = []
    for name, metric in METRICS.items():
        values = [record["scores"].get(name) if record else None for record in newest]
        known = [value for value in values if value is not None]
        if not known:
            continue
        best = known[metric.best(known)] if metric.better and len(set(known)) > 1 else None
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
        rows.append({"name": name, "better": metric.better or "", "meaning": metric.meaning, "cells": cells})
    return rows


def _reals(record: dict[str, Any] | None, name: str) -> str:
    scores = record["reference_scores"] if record else {}
    return written(name, scores[name]) if name in scores else ""


def _figures(
    runs: Mapping[str, RunDirectory], records: Mapping[str, dict[str, Any]]
) -> list[tuple[str, str]]:
    """Return (title, picture) for each loss and for each score that at least one run has logged."""
    panels = [*curves.loss_panels(runs, records), *curves.score_panels(runs, METRICS)]
    return [(panel.title, pictures.figure_uri(curves.draw_panel(panel))) for panel in panels]


def _summary(name: str, run: RunDirectory, record: dict[str, Any]) -> dict[str, Any]:
    grids, best = run.grid_paths(), run.best_step()
    return {
        "name": name,
        "folder": str(run.folder),
        "status": record.get("status", "status unknown"),
        "step": record.get("step", 0),
        "last": pictures.data_uri(grids[-1]) if grids else None,
        "last_step": number_of(grids[-1]) if grids else None,
        "best": pictures.data_uri(run.best_grid) if best is not None else None,
        "best_step": best,
    }


def _differing_settings(runs: Sequence[RunDirectory]) -> list[tuple[str, list[str]]]:
    """Return each setting that differs between the runs, with its value in each of them."""
    all_settings = [flat(read_yaml(run.config).plain()) for run in runs]
    keys = dict.fromkeys(key for settings in all_settings for key in settings)
    values = {key: [settings.get(key, "") for settings in all_settings] for key in keys}
    return [(key, found) for key, found in values.items() if len(set(found)) > 1]
