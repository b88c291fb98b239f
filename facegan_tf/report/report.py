"""`facegan report`: a run as one page that needs no network: pictures, curves, scores, settings."""

from pathlib import Path
from typing import Any

from facegan_tf.common.files import writable_parent
from facegan_tf.evaluation.metrics import METRICS, parts_of
from facegan_tf.evaluation.text import provenance, written, written_with_deviation
from facegan_tf.report import pictures
from facegan_tf.report.page import open_run, read_record, write_page
from facegan_tf.run.directory import RunDirectory, checkpoint_steps, number_of
from facegan_tf.run.records import EvaluationFiles, newest_evaluation


def write_report(path: str | Path, out: str | Path | None = None) -> Path:
    """Write the report of the run at `path` to `out` (default: report.html in it), and return where it is.

    What the run lacks yet, the page says, with the command that makes it. Raises InputError if there is no
    run.
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
        "best checkpoint": f"step {best:,}" if best is not None else "none; evaluation.every keeps one",
    }
    if store := record.get("store"):
        facts["images"] = f"{store['images']:,}, fingerprint {store['fingerprint'][:12]}: {store['folder']}"
    for net, loss in record.get("losses", {}).items():
        facts[f"{net}'s loss"] = (
            f"mean {loss['mean']:.4f}, minimum {loss['minimum']:.4f} in step {loss['minimum_step']:,}"
        )
    return facts


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
        "last": pictures.embedded(grids[-1]) if grids else None,
        "last_step": number_of(grids[-1]) if grids else None,
        "best": pictures.embedded(run.best_grid) if best is not None else None,
        "best_step": best,
        "frames": [
            {"step": number_of(grid), "picture": picture}
            for grid in (pictures.evenly_chosen(grids) if grids else [])
            if (picture := pictures.embedded_small(grid))
        ],
        "grids": len(grids),
        "gif": None if too_large else pictures.embedded(run.gif),
        "gif_is_too_large": too_large,
        "reals": pictures.embedded(run.reals),
        "curves": [
            (title, pictures.embedded(picture), way)
            for title, picture, way in (
                ("Losses", run.curves, "it is drawn with the first checkpoint"),
                ("Scores", run.score_curves, "evaluation.every makes a training score itself"),
                ("PSNR of the control faces", run.psnr_curves, "it is drawn with the first checkpoint"),
            )
        ],
    }


def _scores(run: RunDirectory) -> dict[str, Any]:
    files = EvaluationFiles(run.folder)
    evaluations = run.read_evaluations()
    newest = newest_evaluation(evaluations)
    names = [name for name in METRICS if any(name in record["scores"] for record in evaluations)]
    return {
        "newest": newest
        and {
            "rows": [
                {
                    "name": name,
                    "score": written_with_deviation(newest["scores"], name),
                    "reals": written(name, newest["reference_scores"][name])
                    if name in newest["reference_scores"]
                    else "",
                    "better": METRICS[name].better or "",
                    "meaning": METRICS[name].meaning,
                }
                for name in METRICS
                if name in newest["scores"]
            ],
            "levels": {
                size: written("swd", score) for size, score in parts_of(newest["scores"], "swd").items()
            },
            "provenance": provenance(newest),
            "warnings": newest["warnings"],
        },
        "score_names": names,
        "evaluations": [
            {
                "step": record["generated"].get("checkpoint_step"),
                "during": "training" in record,
                "count": record["generated"]["count"],
                "features": Path(record["features"]["name"]).name if record["features"] else "none",
                "scores": [
                    written(name, record["scores"][name]) if name in record["scores"] else ""
                    for name in names
                ],
            }
            for record in evaluations
        ],
        "neighbours": pictures.embedded(files.neighbours),
    }
