"""How each metric moves when real faces are blurred, noisy, shifted, or repeated.

    facegan prepare img_align_celeba.zip --out faces64 --size 64 --limit 4000
    python benchmarks/score_perturbations.py faces64 --features FILE.keras --out perturbations

The store's first half is the reference; its second half, perturbed, takes the place of generated faces. The
first line, unperturbed, is the floor: what real faces score against other real faces. With --floor it is the
only line. Writes scores.json (every score, and how it was computed), scores.md (a table) and scores.png (a
plot of each metric).
"""

import argparse
import dataclasses
import json
import math
import time
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from PIL import Image, ImageFilter

from facegan_tf.data.store import FaceStore
from facegan_tf.evaluation.feature_networks import load_feature_network
from facegan_tf.evaluation.generated import GeneratedImages
from facegan_tf.evaluation.metrics import METRICS
from facegan_tf.evaluation.scoring import Measure, score
from facegan_tf.evaluation.text import written

LEVELS = {
    "blur": (0.5, 1.0),
    "noise": (6, 20),
    "shift": (1, 4),
    "distinct": (0.5, 0.1),
}
UNITS = {
    "blur": "Gaussian blur, sigma in pixels",
    "noise": "Gaussian noise, standard deviation of 255",
    "shift": "shift right and down, pixels",
    "distinct": "share of distinct images",
}


def perturbed(images: np.ndarray, kind: str, level: float) -> np.ndarray:
    """Images uint8 [N, S, S, 3], perturbed; same shape."""
    if kind == "blur":
        blur = ImageFilter.GaussianBlur(level)
        return np.stack([np.asarray(Image.fromarray(image).filter(blur)) for image in images])
    if kind == "noise":
        noise = np.random.default_rng(0).normal(0, level, images.shape)
        return np.clip(np.rint(images + noise), 0, 255).astype(np.uint8)
    if kind == "shift":
        size = images.shape[1]
        padding = ((0, 0), (level, 0), (level, 0), (0, 0))
        return np.pad(images, padding, mode="edge")[:, :size, :size]
    distinct = max(1, round(level * len(images)))
    return images[np.arange(len(images)) % distinct]


def half(store: FaceStore, start: int, stop: int) -> FaceStore:
    """A store in memory, with another store's images from `start` to `stop` - 1."""
    images = store.gather(np.arange(start, stop))
    return FaceStore(store.folder, dataclasses.replace(store.manifest, count=len(images)), [images])


def run(store: FaceStore, measure: Measure, levels: dict[str, tuple[float, ...]]) -> list[dict]:
    count = len(store) // 2
    reference, others = half(store, 0, count), half(store, count, 2 * count)
    images = others.gather(np.arange(count))
    cases = [("none", 0.0), *((kind, level) for kind, some in levels.items() for level in some)]
    lines = []
    for kind, level in cases:
        print(f"{kind} {level}", flush=True)
        changed = images if kind == "none" else perturbed(images, kind, level)
        facts = {"kind": "perturbed reals", "path": str(store.folder), "perturbation": kind, "level": level}
        _, record = score(GeneratedImages(changed, facts), reference, measure, time.perf_counter())
        lines.append(record)
    return lines


def as_table(records: list[dict]) -> str:
    names = list(records[0]["scores"])
    rows = [["perturbation", *names], ["---"] * (1 + len(names))]
    for record in records:
        generated = record["generated"]
        title = "none: the floor"
        if generated["perturbation"] != "none":
            title = f"{generated['perturbation']} {generated['level']:g}"
        rows.append([title, *(written(name, value) for name, value in record["scores"].items())])
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def plot(records: list[dict], path: Path) -> None:
    names = [name for name in METRICS if name in records[0]["scores"]]
    figure = Figure(figsize=(13, 2.6 * math.ceil(len(names) / 3)), layout="constrained")
    floor = records[0]["scores"]
    for place, name in enumerate(names):
        axes = figure.add_subplot(math.ceil(len(names) / 3), 3, place + 1)
        for kind, levels in LEVELS.items():
            scores = [floor[name]] + [
                record["scores"][name] for record in records if record["generated"]["perturbation"] == kind
            ]
            axes.plot(range(len(levels) + 1), scores, marker="o", label=kind)
        axes.axhline(floor[name], color="grey", linestyle="--", linewidth=0.8)
        if name in ("fid", "mind", "swd"):
            axes.set_yscale("log")
        elif name == "kid":  # may be below 0
            axes.set_yscale("symlog", linthresh=1e-4)
        axes.set(title=name, xticks=range(3), xticklabels=["none", "little", "much"])
        axes.grid(alpha=0.3)
        if place == 0:
            axes.legend()
    figure.savefig(path, dpi=80)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("store", type=Path)
    parser.add_argument("--features", required=True, help="a .keras file, or inception")
    parser.add_argument("--cache", type=Path, default=Path("~/.cache/facegan_tf").expanduser())
    parser.add_argument("--floor", action="store_true", help="score only the unperturbed reals")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    store = FaceStore.open(options.store)
    measure = Measure(tuple(METRICS), load_feature_network(options.features), cache=options.cache)
    records = run(store, measure, {} if options.floor else LEVELS)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "scores.json").write_text(json.dumps(records, indent=2))
    (options.out / "scores.md").write_text(as_table(records))
    if not options.floor:
        plot(records, options.out / "scores.png")
        for kind, levels in LEVELS.items():
            print(f"{kind}: {UNITS[kind]}: {', '.join(f'{level:g}' for level in levels)}")
    print(as_table(records))


if __name__ == "__main__":
    main()
