"""The whole experiment as typed, validated settings: YAML in, resolved YAML out.

Every setting is described at its field, with its unit and range. `load_config` reads a file and
applies overrides of the form `key.path=value`; the first wrong setting stops it with its full
path, its value and the way out.
"""

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from facegan_tf.data.crop import parse_crop
from facegan_tf.errors import InputError


class Settings(BaseModel):
    """A block of settings: unknown keys are refused, values never change once read."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class DataSettings(Settings):
    """Which images, and how they are shown to the nets."""

    source: str
    """A prepared store, a folder of photos, a zip of photos, or `synthetic[:N]`."""
    size: int = Field(ge=8, le=1024)
    """Height and width of an image in pixels."""
    crop: str = "square"
    """`square`, `center:N` or `box:L,T,R,B`, in pixels of the photo; a prepared store has its own."""
    limit: int | None = Field(default=None, ge=1)
    """Use only the first so many images by name; null: all."""
    flip: bool = False
    """Mirror each image left to right with probability 1/2."""
    cache: str = "~/.cache/facegan_tf"
    """Folder that keeps the stores prepared from raw sources, for the next run."""

    @field_validator("crop")
    @classmethod
    def _crop_can_be_read(cls, crop: str) -> str:
        parse_crop(crop)
        return crop


class DeepConvGenerator(Settings):
    """Channels of the deepconv generator: 16x16 stem, upsampling body, full-resolution head."""

    stem_channels: int = Field(default=128, ge=1)
    body_channels: int = Field(default=256, ge=1)
    head_channels: int = Field(default=512, ge=1)


class DeepConvDiscriminator(Settings):
    """Channels of every discriminator convolution, and the dropout before its last layer."""

    channels: int = Field(default=256, ge=1)
    dropout: float = Field(default=0.4, ge=0, lt=1)


class DeepConvNetworks(Settings):
    """The deepconv family: no normalisation, wide full-resolution convolutions."""

    family: Literal["deepconv"] = "deepconv"
    latent_dim: int = Field(default=32, ge=1)
    leaky_slope: float = Field(default=0.3, ge=0, le=1)
    """Slope of LeakyReLU below zero, in both nets (Keras 2's default is 0.3)."""
    generator: DeepConvGenerator = DeepConvGenerator()
    discriminator: DeepConvDiscriminator = DeepConvDiscriminator()


class ObjectiveSettings(Settings):
    """Targets of the binary cross-entropy that both nets learn by."""

    real_target: float = Field(default=1.0, ge=0, le=1)
    fake_target: float = Field(default=0.0, ge=0, le=1)
    generator_target: float = Field(default=1.0, ge=0, le=1)
    """What the generator wants the discriminator to say of its fakes."""
    label_noise: float = Field(default=0.0, ge=0, le=1)
    """Each target that the discriminator learns from gets this times U(0, 1) added."""


class OptimizerSettings(Settings):
    """One net's optimizer."""

    name: Literal["rmsprop"] = "rmsprop"
    learning_rate: float = Field(gt=0)
    decay: float = Field(default=0.0, ge=0)
    """The rate at step t is learning_rate / (1 + decay * t)."""
    rho: float = Field(default=0.9, ge=0, lt=1)
    """How much of the running mean of squared gradients is kept each step."""
    epsilon: float = Field(default=1e-7, gt=0)
    """Added to the root of the mean of squared gradients."""
    clipvalue: float | None = Field(default=None, gt=0)
    """Each gradient element is clipped to [-clipvalue, clipvalue]; null: no clipping."""


class OptimizersSettings(Settings):
    """The optimizer of each net."""

    discriminator: OptimizerSettings
    generator: OptimizerSettings


class TrainingSettings(Settings):
    """How long, how much at once, and how often something is written down."""

    steps: int = Field(ge=1)
    """Updates of each net, in all."""
    batch_size: int = Field(ge=1)
    log_every: int = Field(default=10, ge=1)
    """Steps between lines of metrics.jsonl and TensorBoard scalars."""
    checkpoint_every: int = Field(default=1000, ge=1)
    """Steps between checkpoints; one is also kept at the end and on Ctrl-C."""
    keep_checkpoints: int = Field(default=3, ge=1)
    """How many of the newest checkpoints stay."""
    jit: bool = False
    """Compile the steps with XLA: faster on most GPUs, slower on most CPUs."""


class GridSettings(Settings):
    """The control-vector grids: the same latents, drawn again and again."""

    every: int = Field(default=50, ge=1)
    """Steps between grids."""
    side: int = Field(default=6, ge=1, le=32)
    """Faces in a row and in a column."""
    latent_scale: float = Field(default=0.5, gt=0)
    """The control vectors are N(0, 1) times this."""


class Config(Settings):
    """Everything that a run depends on."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=100)
    """Names the run directory: outputs/NAME unless --out says otherwise."""
    seed: int = Field(default=0, ge=0, lt=2**31)
    """Every random draw of a run follows from it."""
    data: DataSettings
    networks: DeepConvNetworks
    objective: ObjectiveSettings = ObjectiveSettings()
    optimizers: OptimizersSettings
    training: TrainingSettings
    grids: GridSettings = GridSettings()

    @model_validator(mode="after")
    def _size_fits_family(self) -> "Config":
        size = self.data.size
        if size < 32 or size & (size - 1):
            raise ValueError(
                f"data.size: {size} does not fit networks.family: deepconv, "
                "which doubles a 16-pixel stem: take 32, 64, 128, 256, 512 or 1024"
            )
        return self

    def to_yaml(self) -> str:
        """The resolved settings, every one written out, in the order of this file."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False)


def load_config(path: str | Path, overrides: Sequence[str] = ()) -> Config:
    """Read a config file, or a run directory's config.yaml, and apply `key.path=value` overrides.

    Raises InputError, naming each wrong setting by its full path with its value.
    """
    path = Path(path)
    if path.is_dir():
        path = path / "config.yaml"
    settings = _read_yaml(path)
    for override in overrides:
        _apply_override(settings, override)
    try:
        return Config.model_validate(settings)
    except ValidationError as error:
        problems = "\n".join(f"  {_explain(problem)}" for problem in error.errors())
        raise InputError(f"{path}: these settings can't be used:\n{problems}") from error


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        settings = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such config; the ones that come along are in configs/") from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"{path}: can't be read as YAML: {' '.join(str(error).split())}") from error
    if not isinstance(settings, dict):
        raise InputError(f"{path}: a config is a mapping of settings, this is a {type(settings).__name__}")
    return settings


def _apply_override(settings: dict[str, Any], override: str) -> None:
    key, equals, value = override.partition("=")
    *parents, last = key.split(".")
    if not equals or not last:
        raise InputError(f"--set {override}: must be key.path=value, such as training.steps=500")
    block = settings
    for parent in parents:
        child = block.get(parent) or {}
        if not isinstance(child, dict):
            raise InputError(f"--set {override}: {parent} holds a value, not further settings")
        # A copy: a YAML alias makes two blocks one object, and only one of them is meant.
        block[parent] = block = dict(child)
    try:
        block[last] = yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise InputError(f"--set {override}: {value} can't be read as a YAML value") from error


def _explain(problem: Mapping[str, Any]) -> str:
    """One line for one of pydantic's errors: path, value, what is wrong, nearest known key."""
    path = ".".join(str(part) for part in problem["loc"])
    message = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "extra_forbidden":
        known = _known_keys(problem["loc"][:-1])
        near = difflib.get_close_matches(str(problem["loc"][-1]), known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known here: {', '.join(known)}"
        return f"{path}: no such setting; {hint}"
    if problem["type"] == "missing":
        return f"{path}: must be given"
    if not path:
        return message
    return f"{path}: {problem['input']!r}: {message}"


def _known_keys(parents: Sequence[Any]) -> list[str]:
    model: type[BaseModel] = Config
    for parent in parents:
        model = model.model_fields[parent].annotation  # type: ignore[assignment]
    return list(model.model_fields)
