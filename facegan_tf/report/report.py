"""`facegan report`: a run on one page, in a single file: pictures, curves, scores, settings."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from facegan_tf.common.evenly_spaced import evenly_spaced
from facegan_tf.common.files import writable_parent
from facegan_tf.evaluation.metrics import METRICS, parts_of
from facegan_tf.evaluation.text import provenance, written, written_with_deviation
from facegan_tf.report import pictures
from facegan_tf.report.curves import label_and_unit
from facegan_tf.report.page import open_run, read_record, write_page
from facegan_tf.run.directory import RunDirectory, checkpoint_steps, number_of
from facegan_tf.run.records import EvaluationFiles, newest_evaluation


def write_report(path: str | Path, out: str | Path | None = None) -> Path:
    """Write the report of the run at `path` to `out` (default: report.html in the run); return its path.

    Where the run has no picture or score yet, the page says how to get it. An older report is replaced.
    Raises InputError if there is no run, or if `out` can't be written.
    """
    run = open_run(path)
    out = Path(out) if out else run.folder / "report.html"
    writable_parent(out)
    record = read_record(run)
    write_page(
        out,
        "report.html",
        run=str(run.folder),
        name=run.folder.resolve().name,
        facts=_facts(run, record),
        losses=_losses(record),
        environment=_environment(record),
        settings=run.config.read_text(encoding="utf-8", errors="replace"),
        **_pictures(run),
        **_scores(run),
    )
    return out


def _facts(run: RunDirectory, record: dict[str, Any]) -> dict[str, str]:
    steps, best = checkpoint_steps(run.checkpoints), run.best_step()
    facts = {
        "status": record.get("status", "unknown: no run.json"),
        "steps done": f"{record.get('step', steps[-1] if steps else 0):,}",
        "checkpoints": ", ".join(f"{step:,}" for step in steps) or "none yet",
        "best checkpoint": f"step {best:,}" if best is not None else "none; set evaluation.every to keep one",
    }
    if start := record.get("start_from"):
        facts["started from"] = str(start)
    if store := record.get("store"):
        identity = f"fingerprint {store['fingerprint'][:12]}"
        held_out = f"; {store['held_out']:,} more held out" if store.get("held_out") else ""
        facts["training images"] = f"{store['images']:,} in {store['folder']} ({identity}){held_out}"
    return facts


def _losses(record: dict[str, Any]) -> list[dict[str, str]]:
    """Return the rows of the table of losses: one for each loss that the run logged."""
    rows = []
    for name, loss in record.get("losses", {}).items():
        label, unit = label_and_unit(name, record.get("curves", {}))
        numbers = {key: f"{loss[key]:.4f}" for key in ("mean", "minimum")}
        rows.append({"label": label, "unit": unit, **numbers, "minimum_step": f"{loss['minimum_step']:,}"})
    return rows


def _environment(record: dict[str, Any]) -> dict[str, str]:
    facts = {
        name: str(value)
        for block in ("versions", "compute", "host")
        for name, value in record.get(block, {}).items()
    }
    if command := record.get("command"):
        facts["command"] = " ".join(command)
    return facts


def _pictures(run: RunDirectory) -> dict[str, Any]:
    grids = run.grid_paths()
    best = run.best_step()
    too_large = run.gif.exists() and run.gif.stat().st_size > pictures.GIF_LIMIT
    return {
        "last": pictures.data_uri(grids[-1]) if grids else None,
        "last_step": number_of(grids[-1]) if grids else None,
        "best": pictures.data_uri(run.best_grid) if best is not None else None,
        "best_step": best,
        "frames": [
            {"step": number_of(grid), "picture": picture}
            for grid in evenly_spaced(grids, pictures.FRAMES)
            if (picture := pictures.thumbnail_uri(grid))
        ],
        "grids": len(grids),
        "gif": None if too_large else pictures.data_uri(run.gif),
        "gif_is_too_large": too_large,
        "reals": pictures.data_uri(run.reals),
        "curves": [
            (title, pictures.data_uri(picture), hint)
            for title, picture, hint in (
                ("Losses", run.curves, "it is drawn at the first checkpoint"),
                ("Scores", run.score_curves, "set evaluation.every to score the generator during training"),
                ("PSNR of the control faces", run.psnr_curves, "it is drawn at the first checkpoint"),
            )
        ],
    }


def _scores(run: RunDirectory) -> dict[str, Any]:
    evaluations = run.read_evaluations()
    newest = newest_evaluation(evaluations)
    names = [name for name in METRICS if any(name in record["scores"] for record in evaluations)]
    return {
        "newest": newest and _newest_scores(newest),
        "score_names": names,
        "evaluations": [_evaluation_row(record, names) for record in evaluations],
        "neighbours": pictures.data_uri(EvaluationFiles(run.folder).neighbours),
    }


def _newest_scores(record: dict[str, Any]) -> dict[str, Any]:
    """Return the table of an evaluation's scores, and how they were computed."""
    reals = record["reference_scores"]
    return {
        "rows": [
            {
                "name": name,
                "score": written_with_deviation(record["scores"], name),
                "reals": written(name, reals[name]) if name in reals else "",
                "better": METRICS[name].better or "",
                "meaning": METRICS[name].meaning,
            }
            for name in METRICS
            if name in record["scores"]
        ],
        "levels": {size: written("swd", score) for size, score in parts_of(record["scores"], "swd").items()},
        "provenance": provenance(record),
        "warnings": record["warnings"],
    }


def _evaluation_row(record: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    scores = record["scores"]
    return {
        "step": record["generated"].get("checkpoint_step"),
        "during": "training" in record,
        "count": record["generated"]["count"],
        "weights": record["generated"].get("weights", ""),
        "features": Path(record["features"]["name"]).name if record["features"] else "none",
        "scores": [written(name, scores[name]) if name in scores else "" for name in names],
    }
