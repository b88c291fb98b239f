"""Which scores can be compared: those that were measured in the same way."""

from collections.abc import Sequence
from typing import Any


def measure_of(record: dict[str, Any]) -> dict[str, Any]:
    """What a record's scores depend on besides the generator: JSON values by readable names.

    The record may also be the notes of a best checkpoint, which keep this as `measure`.
    """
    if "measure" in record:
        return record["measure"]
    features = record.get("features") or {}
    facts = {
        "images of each side": record["generated"].get("count"),
        "pixels": record["generated"].get("size"),
        "reference (fingerprint)": record.get("reference", {}).get("fingerprint"),
        "feature network (SHA-256)": features.get("sha256", "none"),
        "range of the network's input": features.get("range", "none"),
        "resizing for the network": features.get("resize", "none"),
    }
    for metric, settings in record.get("settings", {}).items():
        facts |= {f"{metric}: {key.replace('_', ' ')}": value for key, value in settings.items()}
    return facts


def differences(records: Sequence[dict[str, Any]]) -> dict[str, list[Any]]:
    """The facts by which records were measured differently, each with its values; None if one is unknown.

    A fact that only one record has, such as the settings of a metric that no other record has, doesn't count.
    """
    measures = [measure_of(record) for record in records]
    names = dict.fromkeys(name for measure in measures for name in measure)
    values = {name: [measure.get(name) for measure in measures] for name in names}
    return {
        name: found
        for name, found in values.items()
        if len({str(value) for value in found if value is not None}) > 1
    }


def same_measure(record: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether the scores of two records, or of the notes of best checkpoints, can be compared."""
    return not differences([record, other])
