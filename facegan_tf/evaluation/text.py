"""Where evaluations are written, and how they read."""

from collections.abc import Iterator
from typing import Any

MEANINGS = {
    "fid": ("lower", "distance of both sets' features, each taken as a Gaussian; 0: the same; biased by N"),
    "kid": ("lower", "distance of both sets' features; unbiased: 0 within its deviation for the same"),
    "precision": ("higher", "share of the generated faces that look real"),
    "recall": ("higher", "share of the reals that the generator could have drawn: variety"),
    "density": ("higher", "how densely reals surround the generated faces; about 1 for reals"),
    "coverage": ("higher", "share of the reals that have a generated face nearby: variety"),
    "swd": ("lower", "distance of both sets' small patches, from fine to coarse, times 1000"),
    "ms_ssim": (None, "how alike pairs of generated faces are: above the reals' own, variety is lacking"),
    "psnr": (None, "nearness to the nearest real: far above the reals' own, faces are copies, or dull"),
}
"""Of each metric: which scores are better, if that can be said, and what it tells."""

DIGITS = {"psnr": "{:.2f} dB", "fid": "{:.3f}", "kid": "{:.6f}", "kid_std": "{:.6f}", "swd": "{:.2f}"}
"""How a score is written for people; those that are not named, and are shares, with four places."""


def written_with_deviation(scores: dict[str, float], name: str) -> str:
    """A score as people read it, with its standard deviation if it has one that says something."""
    deviation = scores.get(f"{name}_std")
    return written(name, scores[name]) + (f" \u00b1 {written(name, deviation)}" if deviation else "")


def as_text(record: dict[str, Any]) -> str:
    """A record for a person: the scores, then how they came about."""
    return "\n".join(_lines(record))


def written(name: str, value: float) -> str:
    """A score as people read it."""
    kind = "swd" if name.startswith("swd") else name
    return DIGITS.get(kind, "{:.4f}").format(value)


def provenance(record: dict[str, Any]) -> dict[str, str]:
    """How a record's scores came about, a fact each, by its name."""
    generated, reference, features = record["generated"], record["reference"], record["features"]
    facts = {
        "generated": f"{generated['count']:,} images of {generated['size']} pixels: {_subject(generated)}"
    }
    cut = f"crop {reference['crop']}, filter {reference['filter']}"
    facts["reference"] = (
        f"{reference['count']:,} of {reference['images']:,} images of {reference['size']} pixels, {cut}, "
        f"fingerprint {reference['fingerprint'][:12]}: {reference['source']}"
    )
    if features:
        low, high = features["range"]
        facts["features"] = (
            f"{features['name']} (SHA-256 {features['sha256'][:12]}), at {features['input_size']} pixels in "
            f"{low:g} ... {high:g}, resized by {features['resize']}"
        )
    else:
        facts["features"] = "none"
    facts["seed"] = str(record["seed"])
    facts["settings"] = "; ".join(
        f"{metric}: " + ", ".join(f"{key.replace('_', ' ')} {value:,}" for key, value in settings.items())
        for metric, settings in record["settings"].items()
    )
    facts["versions"] = ", ".join(f"{name} {version}" for name, version in record["versions"].items())
    facts["took"] = f"{record['seconds']['total']:.1f} s"
    facts["at"] = record["created"]
    return facts


def _subject(generated: dict[str, Any]) -> str:
    words = f"{generated['kind']} {generated['path']}"
    if "checkpoint_step" in generated:
        words += f", step {generated['checkpoint_step']:,} (weights {generated['weights_sha256'][:12]})"
    if "seeds" in generated:
        words += ", seeds {} to {}".format(*generated["seeds"])
    return words


def _lines(record: dict[str, Any]) -> Iterator[str]:
    for name, value in record["scores"].items():
        reals = record["reference_scores"].get(name)
        beside = f"   (the reals: {written(name, reals)})" if reals is not None else ""
        yield f"{name:<12}{written(name, value):>14}{beside}"
    yield ""
    for name, fact in provenance(record).items():
        yield f"{name:<12}{fact}"
