"""What an export says about its generator besides the network itself, in `assets.extra/facegan.json`.

`assets.extra` is the folder of a SavedModel for files that TensorFlow itself doesn't read.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facegan_tf.common.errors import InputError
from facegan_tf.common.files import write_json
from facegan_tf.serving.directions import Directions

PLACE = Path("assets.extra") / "facegan.json"


@dataclass(frozen=True)
class ModelFacts:
    """Where a generator comes from, and its directions."""

    name: str
    """The run's name."""
    step: int
    """Number of training steps."""
    directions: Directions

    def write(self, export: Path) -> None:
        """Write the facts into an export."""
        (export / PLACE.parent).mkdir(exist_ok=True)
        write_json(export / PLACE, self.to_json())

    def to_json(self) -> dict[str, Any]:
        """The facts as JSON values."""
        return {"name": self.name, "step": self.step, "directions": self.directions.to_json()}


def read_facts(export: Path, latent_dim: int) -> ModelFacts | None:
    """Read the facts of an export; None if it has none. Raises InputError if they are damaged."""
    place = export / PLACE
    if not place.exists():
        return None
    try:
        content = json.loads(place.read_text(encoding="utf-8"))
        directions = Directions.from_json(content["directions"], latent_dim)
        return ModelFacts(str(content["name"]), int(content["step"]), directions)
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(None, place, f"is damaged: {error}; export the run again, or remove it") from error
