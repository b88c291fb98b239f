"""Evaluation records as text for people."""

from collections.abc import Iterator
from typing import Any

from facegan_tf.evaluation.metrics import metric_of
from facegan_tf.run.records import use_of_reference


def as_text(record: dict[str, Any]) -> str:
    """A record as text: the scores, then how they were computed."""
    return "\n".join(_lines(record))


def written(name: str, value: float) -> str:
    """A score with its metric's digits, such as `12.345`; four decimals for an unknown metric."""
    metric = metric_of(name)
    return (metric.digits if metric else "{:.4f}").format(value)


def written_with_deviation(scores: dict[str, float], name: str) -> str:
    """A score with its metric's digits and, unless it is missing or 0, its standard deviation."""
    deviation = scores.get(f"{name}_std")
    return written(name, scores[name]) + (f" \u00b1 {written(name, deviation)}" if deviation else "")


def provenance(record: dict[str, Any]) -> dict[str, str]:
    """How a record's scores were computed, fact by fact."""
    generated, reference, features = record["generated"], record["reference"], record["features"]
    facts = {
        "generated": f"{generated['count']:,} images of {generated['size']} pixels: {_origin(generated)}"
    }
    facts["reference"] = (
        f"{reference['count']:,} of {reference['images']:,} images of {reference['size']} pixels"
        f"{use_of_reference(reference)}, "
        f"crop {reference['crop']}, filter {reference['filter']}, "
        f"fingerprint {reference['fingerprint'][:12]}: {reference['source']}"
    )
    if "psnr" in record["scores"] and "searched_for_copies" in reference:  # not in older records
        facts["copies"] = f"looked for among {reference['searched_for_copies']:,} images"
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


def _origin(generated: dict[str, Any]) -> str:
    words = f"{generated['kind']} {generated['path']}"
    if "checkpoint_step" in generated:
        words += f", step {generated['checkpoint_step']:,} (weights {generated['weights_sha256'][:12]})"
    if generated.get("weights") == "ema":
        words += ", the moving average"
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
