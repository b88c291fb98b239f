"""The whole experiment as typed, validated settings: YAML in, resolved YAML out.

Every setting is described at its field, with its unit and range. `load_config` reads a file and
applies overrides of the form `key.path=value`; the first wrong setting stops it with its full
path, its value and the way out.
"""

import math
import re
from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    field_validator,
    model_validator,
)

from facegan_tf.config.base import Settings
from facegan_tf.config.crop import parse_crop
from facegan_tf.config.networks import DcganNetworks, DeepConvNetworks
from facegan_tf.config.objective import ObjectiveSettings
from facegan_tf.config.optimizers import OptimizersSettings
from facegan_tf.config.safe_yaml import dump_yaml


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
    best_by: str | None = None
    """The metric that chooses the best checkpoint; null: `fid`, or `swd` without a network."""


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
