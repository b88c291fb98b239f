"""What each part of a recipe is worth: trains variants for the same CPU time, and scores them on other faces.

    python benchmarks/ablation.py celeba-half.zip --features inception_v3_mixed5.keras --out outputs/ablation
    python benchmarks/ablation.py ... --rows "twice the channels" "relativistic loss" --seeds 0 1

Each variant trains on the first 7,000 images until its process has used --seconds of CPU time, and stops as
on Ctrl-C; so other work on the machine takes wall time from it, and little else. Then 1,000 of its faces are
scored against the next 1,000 images, which no variant has seen. `--set` changes all variants, whatever their
rows say. Prints a table in Markdown; scores.json in --out keeps the scores, and a row that is there is not
trained again: use another --out for other photos, settings, seconds or features. Needs Linux, for the CPU
time of a running process.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

from facegan_tf.commands.arguments import add_overrides
from facegan_tf.config.load import load_config

CONFIG = Path(__file__).parents[1] / "configs" / "faces32.yaml"
TRAINED_ON, SCORED_ON = 7_000, 1_000
METRICS = ("kid", "fid", "mind", "precision", "recall", "ms_ssim")

NORMALISED = {
    "networks.discriminator.normalisation": "batch",
    "objective.r1": "0",
    "objective.penalty_every": "1",
}
PLAIN = {
    "data.flip": "false",
    "networks.discriminator.colour_gain": "1",
    "networks.discriminator.detail_gain": "1",
    **NORMALISED,
    "optimizers.discriminator.learning_rate": "2e-4",
    "optimizers.discriminator.beta1": "0.5",
    "optimizers.discriminator.beta2": "0.999",
    "optimizers.generator.learning_rate": "2e-4",
    "optimizers.generator.beta1": "0.5",
    "optimizers.generator.beta2": "0.999",
    "training.precision": "float32",
    "training.batch_size": "64",
}
"""A DCGAN as published, but with the nets of the recipe, and an average beside it."""


class Row(NamedTuple):
    """A variant of configs/faces32.yaml."""

    changes: dict[str, str]
    """The settings that differ from those of the config, as `--set` takes them."""
    weights: str = "ema"
    """The weights that are scored, as `facegan evaluate --weights` takes them."""


def without(*names: str) -> Row:
    """PLAIN, but with the recipe's values of the settings that begin with one of the names."""
    return Row({name: value for name, value in PLAIN.items() if not name.startswith(names)})


def learning_rates(value: str) -> Row:
    """The recipe with other learning rates, the same for both nets."""
    return Row({f"optimizers.{net}.learning_rate": value for net in ("discriminator", "generator")})


WIDE = {
    "networks.generator.channels": "[256, 128, 64]",
    "networks.discriminator.channels": "[64, 128, 256]",
}
_UNNORMALISED = ("networks.discriminator.normalisation", "objective")
_WITH_FLIPS = (*_UNNORMALISED, "optimizers", "data")
ROWS = {
    "plain DCGAN": Row(PLAIN, weights="raw"),  # the average takes hardly any time, and nothing depends on it
    "+ EMA": Row(PLAIN),
    "+ R1 in place of D's normalisation": without(*_UNNORMALISED),
    "+ Adam 4e-4, betas 0 and 0.99": without(*_UNNORMALISED, "optimizers"),
    "+ flips": without(*_WITH_FLIPS),
    "+ bfloat16": without(*_WITH_FLIPS, "training.precision"),
    "+ batches of 16": without(*_WITH_FLIPS, "training"),
    "+ colour gain 6": Row({"networks.discriminator.detail_gain": "1"}),
    "+ detail gain 3: faces32": Row({}),
    "colour gain 3": Row({"networks.discriminator.colour_gain": "3"}),
    "colour gain 12": Row({"networks.discriminator.colour_gain": "12"}),
    "detail gain 6": Row({"networks.discriminator.detail_gain": "6"}),
    "generator's stem normalised": Row({"networks.generator.stem": "deconv"}),
    "plain DCGAN with EMA, batch 16": Row(PLAIN | {"training.batch_size": "16"}),
    "batch normalisation for R1, no flips": Row(NORMALISED | {"data.flip": "false"}),
    "relativistic loss": Row({"objective.loss": "relativistic"}),
    "EMA half-life 10,000": Row({"training.ema_half_life": "10000"}),
    "cosine to 5 %": learning_rates("{from: 4e-4, to: 2e-5, by: cosine, images: 280000}"),
    "R1 0.1": Row({"objective.r1": "0.1"}),
    "R1 0.1, batch 64": Row({"objective.r1": "0.1", "training.batch_size": "64"}),
    "R1 2": Row({"objective.r1": "2"}),
    "minibatch std": Row({"networks.discriminator.minibatch_std": "true"}),
    "R2 0.5 too": Row({"objective.r2": "0.5"}),
    "batch 64": Row({"training.batch_size": "64"}),
    "batch 64, learning rate 1.6e-3": Row({"training.batch_size": "64"} | learning_rates("1.6e-3").changes),
    "batch 32": Row({"training.batch_size": "32"}),
    "batch 8": Row({"training.batch_size": "8"}),
    "learning rate 2e-4": learning_rates("2e-4"),
    "learning rate 8e-4": learning_rates("8e-4"),
    "latents 64": Row({"networks.latent_dim": "64"}),
    "D's latents for G": Row({"objective.reuse_latents": "true"}),
    "twice the channels": Row(WIDE),
    "twice the channels, batch 64": Row(WIDE | {"training.batch_size": "64"}),
    "twice the channels, learning rate 8e-4": Row(WIDE | learning_rates("8e-4").changes),
    "translation and colour": Row({"augment.kinds": "[colour, translation]"}),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("photos", type=Path, help="a zip of at least 8,000 faces")
    parser.add_argument("--features", required=True, help="feature network, as for `facegan evaluate`")
    parser.add_argument("--out", type=Path, required=True, help="folder for runs and scores")
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS), metavar="ROW")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--seconds", type=float, default=1440, help="CPU time of each run (default: 1440)")
    add_overrides(parser, "settings of all variants, such as training.precision=float32")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    file = options.out / "scores.json"
    found: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    for seed in options.seeds:
        for row in options.rows:
            name = f"{row}, seed {seed}"
            if name in found:
                continue
            # Rows that differ only in the weights that are scored share a run.
            same = [each for each in ROWS if ROWS[each].changes == ROWS[row].changes]
            run = options.out / f"{same[0]}-{seed}".replace(" ", "_").replace("/", "_")
            if not any(f"{each}, seed {seed}" in found for each in same):
                train(run, row, seed, options)
            found[name] = score(run, ROWS[row].weights, options)
            file.write_text(json.dumps(found, indent=1) + "\n")
    print("| variant | images | " + " | ".join(METRICS) + " |\n" + "|---" * (len(METRICS) + 2) + "|")
    for name, each in found.items():
        cells = (f"{each['scores'][metric]:.4f}" for metric in METRICS)
        print(f"| {name} | {each['images']:,} | {' | '.join(cells)} |")


def train(run: Path, row: str, seed: int, options: argparse.Namespace) -> None:
    """Train a variant for --seconds, into the folder `run`."""
    settings = {"data.source": str(options.photos), "data.limit": str(TRAINED_ON + SCORED_ON)}
    settings |= {"data.held_out": str(SCORED_ON), "seed": str(seed), "training.images": str(10**8)}
    settings |= ROWS[row].changes
    overrides = [*(f"{name}={value}" for name, value in settings.items()), *options.overrides]
    command = [
        sys.executable,
        "-m",
        "facegan_tf",
        "train",
        str(CONFIG),
        "--out",
        str(run),
        "--set",
        *overrides,
    ]
    shutil.rmtree(run, ignore_errors=True)  # of a row that was interrupted
    with (options.out / f"{run.name}.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        while process.poll() is None and cpu_seconds(process.pid) < options.seconds:
            time.sleep(0.2)
        if process.poll() is not None:
            sys.exit(f"{row} ended before its time; see {log.name}")
        process.send_signal(signal.SIGINT)
        if process.wait() != 128 + signal.SIGINT:
            sys.exit(f"{row} did not save its last step; see {log.name}")


def cpu_seconds(pid: int) -> float:
    """CPU time that a running process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def score(run: Path, weights: str, options: argparse.Namespace) -> dict[str, Any]:
    """Scores of a run against the images that it held out, and the number of images that it saw."""
    asked = ["evaluate", str(run), "--weights", weights, "--count", str(SCORED_ON)]
    asked += ["--features", options.features, "--metrics", *METRICS, "--json"]
    result = json.loads(facegan(*asked))
    if not result["reference"]["held_out"]:
        sys.exit(f"{run} was trained on the images that it would be scored against; use another --out")
    step = result["generated"]["checkpoint_step"]
    images = step * load_config(run).training.images_per_step
    return {"images": images, "scores": result["scores"]}


def facegan(*arguments: str) -> str:
    """Run a command of the package; return what it prints."""
    return subprocess.run(
        [sys.executable, "-m", "facegan_tf", *arguments], check=True, capture_output=True, text=True
    ).stdout


if __name__ == "__main__":
    main()
