"""Run directories as a training would leave them, written without training."""

import json

import numpy as np
from PIL import Image

from facegan_tf.run.directory import RunDirectory
from facegan_tf.run.records import EvaluationFiles
from tests.helpers.configs import tiny_config

CURVES = {
    "d_loss": {"label": "discriminator", "unit": "binary cross-entropy"},
    "g_loss": {"label": "generator", "unit": "binary cross-entropy"},
    "r1": {"label": "R1 penalty", "unit": "squared gradient"},
}
"""What run.json says of each logged loss."""


def losses(step):
    """Three losses of a step; that of the discriminator falls below 0, as with noisy targets it can."""
    return {"d_loss": 1.0 - 0.5 * step, "g_loss": 1.0 + step, "r1": 0.25 * step}


def picture(path, shade, size=24):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((size, size, 3), shade, np.uint8)).save(path)


def evaluation(
    step=6,
    count=20,
    network="a" * 64,
    fingerprint="f" * 64,
    training=None,
    weights="raw",
    weights_sha256="b" * 64,
    held_out=None,
    **scores,
):
    record = {
        "scores": {"fid": 3.0, "kid": 0.01, "kid_std": 0.002, "swd": 20.0, "swd_32": 20.0, "ms_ssim": 0.3}
        | scores,
        "reference_scores": {"ms_ssim": 0.25},
        "warnings": ["fid: too few images"],
        "generated": {
            "kind": "run",
            "path": "/runs/one",
            "count": count,
            "size": 32,
            "checkpoint_step": step,
            "weights": weights,
            "weights_sha256": weights_sha256,
            "seeds": [0, count - 1],
        },
        "reference": {
            "path": "/stores/one",
            "fingerprint": fingerprint,
            "images": 100,
            "count": count,
            "size": 32,
            "source": "photos.zip",
            "crop": "square",
            "filter": "lanczos",
            "held_out": held_out,
        },
        "features": {
            "name": "/nets/small.keras",
            "sha256": network,
            "input_size": 32,
            "range": [-1.0, 1.0],
            "resize": "bicubic",
        },
        "seed": 0,
        "settings": {"kid": {"subsets": 1}},
        "versions": {"python": "3.11"},
        "seconds": {"total": 1.5},
        "created": "2026-01-01T00:00:00+00:00",
    }
    if training:
        record["training"] = {"step": step, "images": 4 * step, "seconds": 1.0 * step, "best_by": "fid"}
    return record


def make_run(folder, steps=(2, 4, 6), evaluations=(), best=None, losses=losses, curves=CURVES, **settings):
    """A finished run with a grid at each of `steps`, whose shade of grey is its step number.

    losses: step -> the losses logged, by name. curves: their labels and units in run.json; None for a run
    without them.
    """
    run = RunDirectory(folder)
    folder.mkdir()
    run.write_config(tiny_config("photos.zip", **settings))
    run.update_record(
        status="finished",
        step=steps[-1],
        versions={"python": "3.11", "keras": "3.15"},
        host={"cores": 2},
        command=["facegan", "train"],
        store={"folder": "/stores/one", "fingerprint": "f" * 64, "images": 100},
        losses=_statistics({step: losses(step) for step in steps}),
        **({} if curves is None else {"curves": curves}),
    )
    for step in steps:
        picture(run.grid(step), step)
    with run.metrics.open("w") as file:
        for step in steps:
            file.write(json.dumps({"step": step, "images": 4 * step} | losses(step)) + "\n")
    for path in (
        run.reals,
        run.curves,
        run.psnr_curves,
        run.score_curves,
        EvaluationFiles(folder).neighbours,
    ):
        picture(path, 128)
    frames = [Image.fromarray(np.full((8, 8, 3), shade, np.uint8)) for shade in (0, 255)]
    frames[0].save(run.gif, save_all=True, append_images=frames[1:])
    if best is not None:
        (run.checkpoints / "best" / f"step_{best:06d}").mkdir(parents=True)
        picture(run.best_grid, best)
    for record in evaluations:
        EvaluationFiles(folder).add(record)
    return folder


def _statistics(losses):
    """What run.json says of the losses by step, {step: {name: loss}}."""
    names = dict.fromkeys(name for values in losses.values() for name in values)
    statistics = {}
    for name in names:
        known = {step: values[name] for step, values in losses.items() if values.get(name) is not None}
        step = min(known, key=known.get)
        mean = sum(known.values()) / len(known)
        statistics[name] = {"mean": mean, "minimum": known[step], "minimum_step": step}
    return statistics
