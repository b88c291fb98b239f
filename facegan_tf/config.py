"""The whole experiment as typed, validated settings: YAML in, resolved YAML out.

Every setting is described at its field, with its unit and range. `load_config` reads a file and
applies overrides of the form `key.path=value`; the first wrong setting stops it with its full
path, its value and the way out.
"""

import math
import os
import re
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    field_validator,
    model_validator,
)

from facegan_tf.config_problems import explain
from facegan_tf.data.crop import parse_crop
from facegan_tf.errors import InputError
from facegan_tf.safe_yaml import dump_yaml
from facegan_tf.yaml_settings import read_yaml


class Settings(BaseModel):
    """A block of settings: unknown keys and other types are refused, values never change once read."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


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
    max_rejected: float = Field(default=0.5, ge=0, le=1)
    """Share of raw photos that may be bad: above it the source is hardly the one that was meant."""
    flip: bool = False
    """Mirror each image left to right with probability 1/2."""
    cache: str = "~/.cache/facegan_tf"
    """Folder that keeps the stores prepared from raw sources, for the next run."""

    @field_validator("crop")
    @classmethod
    def _crop_can_be_read(cls, crop: str) -> str:
        parse_crop(crop)
        return crop


Width = Annotated[int, Field(ge=1, le=65_536)]
"""Channels, or latents."""


class DeepConvGenerator(Settings):
    """Channels of the deepconv generator: 16x16 stem, upsampling body, full-resolution head."""

    stem_channels: Width = 128
    body_channels: Width = 256
    head_channels: Width = 512


class DeepConvDiscriminator(Settings):
    """Channels of every discriminator convolution, and the dropout before its last layer."""

    channels: Width = 256
    dropout: float = Field(default=0.4, ge=0, lt=1)


class DeepConvNetworks(Settings):
    """The deepconv family: no normalisation, wide full-resolution convolutions."""

    family: Literal["deepconv"]
    latent_dim: Width = 32
    leaky_slope: float = Field(default=0.3, ge=0, le=1)
    """Slope of LeakyReLU below zero, in both nets (Keras 2's default is 0.3)."""
    generator: DeepConvGenerator = DeepConvGenerator()
    discriminator: DeepConvDiscriminator = DeepConvDiscriminator()

    def misfit(self, size: int) -> str | None:
        """Why these nets can't have images of `size` pixels, and what to do; None if they can."""
        if size >= 32 and not size & (size - 1):
            return None
        return (
            f"data.size: {size} does not fit networks.family: deepconv, "
            "which doubles a 16-pixel stem: take 32, 64, 128, 256, 512 or 1024"
        )


# Not strict, here and below, as to how many are held together: YAML has lists, and tuples can't change.
Channels = Annotated[tuple[Width, ...], Field(min_length=1, max_length=10, strict=False)]


class DcganGenerator(Settings):
    """From the latents to a small map, the stem, which every layer after it doubles."""

    stem: Literal["dense", "deconv"]
    """`dense`: a dense layer, reshaped; `deconv`: a transposed convolution to 4x4, normalised."""
    channels: Channels
    """Of the stem's map and of each doubling but the last, whose 3 are the image's."""
    leaky_slope: float = Field(default=0.0, ge=0, le=1)
    """Slope of the hidden activations below zero; 0 makes them ReLU."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Rate of the dropout after the stem."""


class DcganDiscriminator(Settings):
    """Convolutions that halve the image to a small map, and a head that makes one logit of it."""

    channels: Channels
    """Of each convolution; all but the first are normalised."""
    head: Literal["dense", "conv"]
    """`dense`: flatten and a dense layer; `conv`: a convolution over the whole 4x4 map."""
    leaky_slope: float = Field(default=0.2, ge=0, le=1)
    """Slope of the hidden activations below zero."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Rate of the dropout before the head."""


class DcganNetworks(Settings):
    """The DCGAN family: kernels of 4, strides of 2, batch normalisation."""

    family: Literal["dcgan"]
    latent_dim: Width = 100
    kernel_std: float | None = Field(default=0.02, gt=0)
    """Kernels begin as N(0, kernel_std); null: Glorot uniform, Keras' default. Biases begin as 0."""
    gamma_std: float = Field(default=0.0, ge=0)
    """The scales of batch normalisation begin as N(1, gamma_std)."""
    generator: DcganGenerator
    discriminator: DcganDiscriminator

    def misfit(self, size: int) -> str | None:
        """Why these nets can't have images of `size` pixels, and what to do; None if they can."""
        nets = {
            "generator": (self.generator.channels, self.generator.stem == "deconv"),
            "discriminator": (self.discriminator.channels, self.discriminator.head == "conv"),
        }
        for name, (channels, ends_in_four) in nets.items():
            smallest = size / 2 ** len(channels)
            if not smallest.is_integer() or (ends_in_four and smallest != 4):
                halvings = len(channels)
                way_out = f"take {4 * 2**halvings}" if ends_in_four else f"take a multiple of {2**halvings}"
                return (
                    f"data.size: {size} does not fit networks.{name}.channels, which names {halvings} "
                    f"halvings: its smallest map would have {smallest:g} pixels a side; {way_out}, or change "
                    "the channels"
                )
        return None


class ObjectiveSettings(Settings):
    """Targets of the binary cross-entropy that both nets learn by."""

    real_target: float = Field(default=1.0, ge=0, le=1)
    fake_target: float = Field(default=0.0, ge=0, le=1)
    generator_target: float = Field(default=1.0, ge=0, le=1)
    """What the generator wants the discriminator to say of its fakes."""
    label_noise: float = Field(default=0.0, ge=0, le=1)
    """Each target that the discriminator learns from gets this times U(0, 1) added."""
    critic: Literal["joint", "split"] = "joint"
    """How the discriminator learns from reals and fakes.

    `joint`: as one batch, by its mean loss. `split`: apart, each normalised by its own statistics, by
    the sum of both mean losses.
    """
    reuse_latents: bool = False
    """Whether the generator learns from the discriminator's fakes once more, or from fresh ones."""


class _OptimizerSettings(Settings):
    """What all optimizers have."""

    learning_rate: float = Field(gt=0)
    decay: float = Field(default=0.0, ge=0)
    """The rate at step t is learning_rate / (1 + decay * t)."""
    clipvalue: float | None = Field(default=None, gt=0)
    """Each gradient element is clipped to [-clipvalue, clipvalue]; null: no clipping."""


class RMSpropSettings(_OptimizerSettings):
    """RMSprop (Tieleman and Hinton, 2012)."""

    name: Literal["rmsprop"]
    rho: float = Field(default=0.9, ge=0, lt=1)
    """How much of the running mean of squared gradients is kept each step."""
    epsilon: float = Field(default=1e-7, gt=0)
    """Added to the root of the mean of squared gradients."""


class AdamSettings(_OptimizerSettings):
    """Adam (Kingma and Ba, 2015)."""

    name: Literal["adam"]
    beta1: float = Field(default=0.9, ge=0, lt=1)
    """How much of the running mean of gradients is kept each step."""
    beta2: float = Field(default=0.999, ge=0, lt=1)
    """How much of the running mean of squared gradients is kept each step."""
    epsilon: float = Field(default=1e-8, gt=0)
    """Added to the root of the corrected mean of squared gradients."""


class SGDSettings(_OptimizerSettings):
    """Gradient descent with momentum."""

    name: Literal["sgd"]
    momentum: float = Field(default=0.0, ge=0, lt=1)
    """How much of the last step is made again."""


OptimizerSettings = Annotated[RMSpropSettings | AdamSettings | SGDSettings, Field(discriminator="name")]


class OptimizersSettings(Settings):
    """The optimizer of each net."""

    discriminator: OptimizerSettings
    generator: OptimizerSettings


class TrainingSettings(Settings):
    """How long, how much at once, and how often something is written down."""

    steps: int | None = Field(default=None, ge=1)
    """Length of the run: updates of each net, in all. Exactly one of steps, epochs and images is given."""
    epochs: float | None = Field(default=None, gt=0, le=1e6)
    """Length of the run: how often each image is seen."""
    images: int | None = Field(default=None, ge=1)
    """Length of the run: how many reals are seen, in all."""
    batch_size: int = Field(ge=1)
    log_every: int = Field(default=10, ge=1)
    """Steps between lines of metrics.jsonl and TensorBoard scalars."""
    checkpoint_every: int = Field(default=1000, ge=1)
    """Steps between checkpoints; one is also kept at the end and on Ctrl-C."""
    keep_checkpoints: int = Field(default=3, ge=1)
    """How many of the newest checkpoints stay."""
    on_nonfinite: Literal["stop", "rollback"] = "stop"
    """Once losses or weights are NaN or infinite: stop, or go back to the newest checkpoint.

    From there other latents and label noise are drawn than the first time.
    """
    max_rollbacks: int = Field(default=3, ge=1)
    """How often a run goes back before it stops all the same."""
    jit: bool = False
    """Compile the steps with XLA: faster on most GPUs, slower on most CPUs."""

    @model_validator(mode="after")
    def _has_one_length(self) -> "TrainingSettings":
        given = [f"{key}: {getattr(self, key):g}" for key in LENGTHS if getattr(self, key) is not None]
        if len(given) != 1:
            raise ValueError(
                f"must have exactly one of {', '.join(LENGTHS)}; it has {', '.join(given) or 'none of them'}"
            )
        return self

    def total_steps(self, images: int) -> int:
        """The length in steps, rounded up, on a data set of so many images."""
        if self.steps is not None:
            return self.steps
        # As written: in binary, 8.3 epochs of 30,000 images would be a bit more than 249,000.
        seen = self.images if self.images is not None else Fraction(str(self.epochs)) * images
        return math.ceil(Fraction(seen, self.batch_size))

    def epochs_done(self, steps: int, images: int) -> int:
        """How many whole epochs of so many images are seen in so many steps."""
        return steps * self.batch_size // images


LENGTHS = ("steps", "epochs", "images")
"""The settings of `training` that say how long; giving one takes the place of another."""


class GridSettings(Settings):
    """The control-vector grids: the same latents, drawn again and again."""

    every: int = Field(default=50, ge=1)
    """Steps between grids."""
    side: int = Field(default=6, ge=1, le=32)
    """Faces in a row and in a column."""
    latent_scale: float = Field(default=0.5, gt=0)
    """The control vectors are N(0, 1) times this."""
    epochs: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(strict=False)] | Literal["each"] = ()
    """Epochs after which the faces are kept apart too, in epochs/: the grid as PNG, the arrays as .npz."""
    psnr_pool: int = Field(default=1000, ge=2)
    """How many reals, the first of the store, a face's nearest is looked for in, for its PSNR.

    A copy of any other real goes unseen; more of them take longer at each grid.
    """

    @field_validator("epochs", mode="wrap")
    @classmethod
    def _epochs_are_listed(cls, epochs: Any, validate: ValidatorFunctionWrapHandler) -> Any:
        try:
            return validate(epochs)
        except ValidationError:  # of a list and of a word apart, and neither says it all
            raise ValueError("must be a list of whole numbers from 1, such as [10, 50], or each") from None

    def keeps_epoch(self, epoch: int) -> bool:
        """Whether the faces after so many epochs are kept apart."""
        return self.epochs == "each" or epoch in self.epochs


class EvaluationSettings(Settings):
    """Scores while the run trains, and which checkpoint is the best; `facegan evaluate` scores it later."""

    every: int | None = Field(default=None, ge=1)
    """Steps between evaluations, with one more at the end; null: none."""
    count: int = Field(default=500, ge=6)
    """Generated faces that are scored, and reals; fewer if there are fewer images."""
    features: str = "none"
    """Network of the features: `inception`, `inception-2015`, a .keras file, or `none`.

    Without one there are SWD and MS-SSIM alone.
    """
    weights: str | None = None
    """A file of Inception's weights, in place of a download."""
    range: tuple[float, float] | None = Field(default=None, strict=False)
    """What a .keras file takes black and white as; null: -1 and 1."""
    best_by: Literal["fid", "kid", "swd"] | None = None
    """What the best checkpoint is chosen by; null: `fid`, or `swd` without a network."""

    @model_validator(mode="after")
    def _best_can_be_had(self) -> "EvaluationSettings":
        if self.best_by in ("fid", "kid") and self.features == "none":
            raise ValueError(f"best_by: {self.best_by} needs a network: set features too, or take swd")
        return self


class Config(Settings):
    """Everything that a run depends on."""

    name: str = Field(max_length=100)
    """Names the run directory: outputs/NAME unless --out says otherwise."""
    seed: int = Field(default=0, ge=0, lt=2**31)
    """Every random draw of a run follows from it."""
    data: DataSettings
    networks: Annotated[DcganNetworks | DeepConvNetworks, Field(discriminator="family")]
    objective: ObjectiveSettings = ObjectiveSettings()
    optimizers: OptimizersSettings
    training: TrainingSettings
    grids: GridSettings = GridSettings()
    evaluation: EvaluationSettings = EvaluationSettings()

    @field_validator("name")
    @classmethod
    def _name_can_be_a_folder(cls, name: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
            raise ValueError(
                "must have only letters, digits, '.', '_' and '-', and begin with one of the first two"
            )
        return name

    @model_validator(mode="after")
    def _size_fits_networks(self) -> "Config":
        misfit = self.networks.misfit(self.data.size)
        if misfit:
            raise ValueError(misfit)
        return self

    def to_yaml(self) -> str:
        """The resolved settings, every one written out, in the order of this file."""
        return dump_yaml(self.model_dump(mode="json"))


def load_config(path: str | Path, overrides: Sequence[str] = ()) -> Config:
    """Read a config file, or a run directory's config.yaml, and apply `key.path=value` overrides.

    Raises InputError, with a line for each wrong setting: where it is written, its full path, its value.
    """
    # Not by pathlib, which raises OSError for a name that is too long.
    settings = read_yaml(Path(path, "config.yaml") if os.path.isdir(path) else Path(path))  # noqa: PTH112
    for override in overrides:
        (*block, key), value = settings.override(override)
        if block == ["training"] and key in LENGTHS and value is not None:
            for other in set(LENGTHS) - {key}:
                settings.remove(("training", other))
    try:
        return Config.model_validate(settings.plain())
    except ValidationError as error:
        raise InputError(explain(error, Config, settings)) from error
