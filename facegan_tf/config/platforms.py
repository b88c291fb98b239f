"""Where cloud platforms put a job's photos and expect its results: Vertex AI and SageMaker.

Vertex AI sets AIP_TRAINING_DATA_URI and AIP_MODEL_DIR, and mounts gs://BUCKET as /gcs/BUCKET. SageMaker sets
SM_CHANNEL_NAME for each input channel, SM_CHANNELS to the list of their names, and SM_MODEL_DIR.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple


class Place(NamedTuple):
    """A folder or file, and the environment variable that names it."""

    variable: str
    path: str


def photos_of_platform(environment: Mapping[str, str] = os.environ) -> Place | None:
    """Where the platform has put the photos; None outside these platforms, or if there are several."""
    try:
        channels = json.loads(environment.get("SM_CHANNELS") or "[]")
    except ValueError:
        channels = []
    only = (
        [f"SM_CHANNEL_{str(channels[0]).upper()}"]
        if isinstance(channels, list) and len(channels) == 1
        else []
    )
    return _first_set(environment, ["SM_CHANNEL_TRAINING", *only, "AIP_TRAINING_DATA_URI"])


def results_of_platform(environment: Mapping[str, str] = os.environ) -> Place | None:
    """The folder that the platform keeps after the job; None outside these platforms."""
    return _first_set(environment, ["SM_MODEL_DIR", "AIP_MODEL_DIR"])


def _first_set(environment: Mapping[str, str], variables: list[str]) -> Place | None:
    for variable in variables:
        if path := environment.get(variable):
            mounted = Path("/gcs", path.removeprefix("gs://")) if path.startswith("gs://") else path
            return Place(variable, str(mounted))
    return None
