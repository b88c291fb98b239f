"""The model that a server draws with: loaded once and never changed. A reload makes a new one."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from facegan_tf.model.state import weights_sha256
from facegan_tf.run.directory import RunDirectory, checkpoint_steps
from facegan_tf.run.restore import LAST, RunState, is_savedmodel, restore_run
from facegan_tf.serving.directions import Directions, find_directions
from facegan_tf.serving.generator import FaceGenerator, load_generator
from facegan_tf.serving.model_facts import read_facts


@dataclass(frozen=True)
class ServedModel:
    """A generator, and what the protocol and the page say about it."""

    generator: FaceGenerator
    name: str
    """The run's name."""
    size: int
    """Width of the faces, in pixels."""
    version: int
    """As in TensorFlow Serving: a checkpoint's step, or the number that names a SavedModel's folder, or 1."""
    step: int | None
    """Number of training steps; None if it is not known."""
    fingerprint: str
    """Hexadecimal; changes with the weights."""
    directions: Directions


def load_served(path: Path, state: RunState = LAST) -> ServedModel:
    """Load a run directory or an exported SavedModel, and draw a first face with it.

    Raises InputError as `load_generator` does.
    """
    if is_savedmodel(path):
        return _of_savedmodel(path, load_generator(path, state.checkpoint, state.weights))
    gan, _ = restore_run(path, state.checkpoint)
    generator = FaceGenerator.of(gan, state)
    return ServedModel(
        generator,
        name=gan.config.name,
        size=_size_of(generator),
        version=gan.steps_done,
        step=gan.steps_done,
        fingerprint=_digest(weights_sha256(gan).encode(), state.weights_of(gan).encode()),
        directions=find_directions(state.net_of(gan)),
    )


def newest_step(path: Path) -> int | None:
    """The step of a run's newest checkpoint; None for a SavedModel, or if there is no checkpoint now."""
    return next(reversed(checkpoint_steps(RunDirectory(path).checkpoints)), None)


def _of_savedmodel(path: Path, generator: FaceGenerator) -> ServedModel:
    facts = read_facts(path, generator.latent_dim)
    files = sorted([path / "saved_model.pb", *(path / "variables").iterdir()])
    return ServedModel(
        generator,
        name=facts.name if facts else path.absolute().name,
        size=_size_of(generator),
        version=int(path.absolute().name) if path.absolute().name.isdecimal() else 1,
        step=facts.step if facts else None,
        fingerprint=_digest(*(file.read_bytes() for file in files)),
        directions=facts.directions if facts else Directions.none(generator.latent_dim),
    )


def _size_of(generator: FaceGenerator) -> int:
    return generator.sample([0]).shape[1]


def _digest(*contents: bytes) -> str:
    return hashlib.sha256(b"".join(hashlib.sha256(content).digest() for content in contents)).hexdigest()
