"""The model card: what an export is, in the format of the Hugging Face Hub.

Source of the format: https://huggingface.co/docs/hub/model-cards
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2

from facegan_tf.config.settings import Config
from facegan_tf.data.sources import has_scheme
from facegan_tf.data.sources.drawn import SCHEME
from facegan_tf.model.gan import GAN
from facegan_tf.model.state import weights_sha256
from facegan_tf.run.directory import RunDirectory
from facegan_tf.run.records import newest_evaluation, use_of_reference
from facegan_tf.run.restore import RunState
from facegan_tf.serving.onnx import OPSET

CARD = "README.md"


@dataclass(frozen=True)
class Licence:
    """What is known about the photos that a generator learned from."""

    identifier: str
    """The Hub's name for a licence."""
    text: str
    bias: str = "Nobody has described who is shown in the photos."


SYNTHETIC = Licence(
    "apache-2.0",
    "The faces are drawings made by facegan_tf itself. They show nobody, and are under its licence, "
    "Apache-2.0.",
    "The drawings vary evenly in the features that they have, and in nothing else.",
)
CELEBA = Licence(
    "other",
    "The name of the source suggests CelebA (Liu et al., 2015), which is for non-commercial research only. "
    "Models trained on it should be used accordingly.",
    "CelebA shows celebrities, most of them light-skinned, young and smiling.",
)
LFW = Licence(
    "other",
    "The name of the source suggests Labeled Faces in the Wild (Huang et al., 2007), news photos "
    "whose rights belong to others. It was made for research.",
    "LFW shows public figures, most of them men, light-skinned and middle-aged.",
)
UNKNOWN = Licence(
    "other",
    "The licence of the photos, and whether the people in them agreed, is not recorded. **Fill this in "
    "before you publish the model.**",
)


def licence_of(sources: Sequence[str], declared: str | None = None) -> Licence:
    """What is known about the photos of some sources, judging by their names and what the Hub declares."""
    known = {_licence_of_one(source) for source in sources}
    licence = known.pop() if len(known) == 1 else UNKNOWN
    if declared is None or licence is not UNKNOWN:
        return licence
    text = f"Licence of the photos: {declared}. **Check it before you publish the model.**"
    return Licence("other", text)


def _licence_of_one(source: str) -> Licence:
    if has_scheme(source) and source.startswith(SCHEME):
        return SYNTHETIC
    name = Path(source).name.lower()
    known = {"celeba": CELEBA, r"(?<![a-z])lfw": LFW}
    return next((licence for word, licence in known.items() if re.search(word, name)), UNKNOWN)


def write_card(folder: Path, format: str, gan: GAN, run: RunDirectory, state: RunState) -> None:
    """Write the card of an export that is otherwise complete."""
    config = gan.config
    evaluation = _evaluation_of(run, gan, state)
    content = {
        "format": format,
        "library": {"savedmodel": "tf-keras", "onnx": "onnx", "web": "onnx"}[format],
        "name": config.name,
        "size": config.data.size,
        "step": gan.steps_done,
        "images_seen": gan.steps_done * config.training.images_per_step,
        "latent_dim": config.networks.latent_dim,
        "parameters": state.net_of(gan).count_params(),
        "precision": config.training.precision,
        "opset": OPSET,
        "data": _data(run, config),
        "licence": _licence(run, config),
        "scores": _scores(evaluation),
        "provenance": _provenance(evaluation),
        "weights": {"ema": "the moving average of the generator's", "raw": "the generator's own"}[
            state.weights_of(gan)
        ],
        "versions": _versions(run),
        "config": _without_folders(config).to_yaml(),
        "checksums": _checksums(folder),
    }
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("facegan_tf.serving"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    text = environment.get_template("card.md").render(content)
    (folder / CARD).write_text(text, encoding="utf-8")


def _licence(run: RunDirectory, config: Config) -> Licence:
    """What is known about the run's photos, from which its store was prepared."""
    store = run.read_record()["store"]
    sources = store["source"].split(", ") if "source" in store else _sources(config)
    return licence_of(sources, store.get("licence"))


def _sources(config: Config) -> list[str]:
    source = config.data.source
    return [source] if isinstance(source, str) else source


def _without_folders(config: Config) -> Config:
    """The config, with only the names of the sources: their folders mean nothing to others."""
    names = [
        source if source.startswith(("synthetic", "hf:")) else Path(source).name
        for source in _sources(config)
    ]
    source = names[0] if isinstance(config.data.source, str) else names
    return config.model_copy(update={"data": config.data.model_copy(update={"source": source})})


def _data(run: RunDirectory, config: Config) -> dict[str, Any]:
    """Facts about the run's photos."""
    store = run.read_record()["store"]
    return {
        "source": ", ".join(_sources(_without_folders(config))),
        "images": store["images"],
        "held_out": store.get("held_out", 0),
        "fingerprint": store["fingerprint"],
        "crop": config.data.crop,
    }


def _evaluation_of(run: RunDirectory, gan: GAN, state: RunState) -> dict[str, Any] | None:
    """The newest evaluation of exactly these weights; None if there is none."""
    exported = {"weights": state.weights_of(gan), "weights_sha256": weights_sha256(gan)}
    return newest_evaluation(
        [record for record in run.read_evaluations() if exported.items() <= record["generated"].items()]
    )


def _scores(evaluation: dict[str, Any] | None) -> list[tuple[str, str]]:
    """The names and values of the scores."""
    scores = evaluation["scores"] if evaluation else {}
    return [(name, f"{value:.5g}") for name, value in scores.items() if value is not None]


def _provenance(evaluation: dict[str, Any] | None) -> str:
    """How the scores were computed, in a sentence or two."""
    if evaluation is None:
        return ""
    generated, reference = evaluation["generated"], evaluation["reference"]
    first, last = generated["seeds"]
    features = evaluation["features"] or {"name": "none"}
    by = "during training" if "training" in evaluation else "by `facegan evaluate`"
    return (
        f"Computed {by} on {evaluation['created'][:10]} from {generated['count']:,} faces "
        f"(seeds {first} to {last}, truncation 1) and {reference['count']:,} images"
        f"{use_of_reference(reference)} (fingerprint `{reference['fingerprint']}`). Feature network: "
        f"{Path(features['name']).name}. Scores depend on all of these: compare only scores that were "
        "computed the same way."
    )


def _versions(run: RunDirectory) -> str:
    return ", ".join(f"{name} {version}" for name, version in run.read_record()["versions"].items())


def _checksums(folder: Path) -> dict[str, str]:
    """The SHA-256 of each file below a folder, by its relative path."""
    checksums = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        checksums[path.relative_to(folder).as_posix()] = digest
    return checksums
