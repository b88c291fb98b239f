"""Settings of training: its length, its steps, what it starts from, and what it saves."""

import math
from fractions import Fraction
from typing import Annotated, Literal

from pydantic import Field, model_validator

from facegan_tf.config.base import Changeable, Settings
from facegan_tf.config.schedule import Number, scheduled

LENGTH_SETTINGS = ("steps", "epochs", "images")
"""The settings of `training` that give the length of a run; overriding one removes the others."""


class TrainingSettings(Settings):
    """The length of a run, how its steps are made, what it starts from, and when it saves."""

    steps: Changeable[int | None] = Field(default=None, ge=1)
    """Length of the run, in updates of each net. Exactly one of steps, epochs and images must be given."""
    epochs: Changeable[float | None] = Field(default=None, gt=0, le=1e6)
    """Length of the run, in passes over the images; may be a fraction."""
    images: Changeable[int | None] = Field(default=None, ge=1)
    """Length of the run, in reals seen, counting repeats."""
    batch_size: int = Field(ge=1)
    """Batch size, in images."""
    log_every: Changeable[int] = Field(default=10, ge=1)
    """Steps between lines of metrics.jsonl, and between scalars in TensorBoard."""
    checkpoint_every: Changeable[int] = Field(default=1000, ge=1)
    """Steps between checkpoints; one is also saved at the end and when the run is interrupted."""
    keep_checkpoints: Changeable[int] = Field(default=3, ge=1)
    """Number of checkpoints to keep, the newest ones."""
    on_nonfinite: Changeable[Literal["stop", "rollback"]] = "stop"
    """Reaction to a loss or weight that is NaN or infinite.

    `stop`: end the run. `rollback`: return to the newest checkpoint and continue with other latents and
    label noise.
    """
    max_rollbacks: Changeable[int] = Field(default=3, ge=1)
    """Number of rollbacks after which the run stops."""
    jit: bool = False
    """Whether to compile the steps with XLA: faster on most GPUs, slower on most CPUs."""
    precision: Literal["float32", "bfloat16", "float16", "auto"] = "float32"
    """Type that the nets compute in; weights, optimizers, losses and penalties stay float32.

    `float16`: with loss scaling. `auto`: bfloat16 if the processor or the GPUs have instructions for it, else
    float32. A resumed run keeps what it began with.
    """
    ema_half_life: Annotated[Number, scheduled(gt=0)] | None = None
    """Half-life of the generator's moving average, in reals seen; null: no average; may be a schedule.

    If there is an average, it draws the faces.
    """
    critic_steps: int = Field(default=1, ge=1)
    """Number of updates of the discriminator in each step, each with other images; the generator has one."""
    freeze_discriminator: int = Field(default=0, ge=0)
    """Number of the discriminator's trainable layers to freeze, from the first one on (FreezeD)."""
    start_from: str | None = Field(default=None, min_length=1)
    """Run whose trained nets this run starts from: RUN, RUN@best or RUN@STEP; null: random weights."""
    steps_per_call: Changeable[int | None] = Field(default=None, ge=1)
    """Most steps in one TensorFlow call; null: as many as take about a second; 1: `train_on_batch`.

    A call also ends where something is to be logged, drawn or saved. The results are the same. Your own
    callbacks are called after each call; if there are any, null means 1, so that they see each step.
    """

    @model_validator(mode="after")
    def _has_one_length(self) -> "TrainingSettings":
        given = [
            f"{key}: {getattr(self, key):g}" for key in LENGTH_SETTINGS if getattr(self, key) is not None
        ]
        if len(given) != 1:
            raise ValueError(
                f"must have exactly one of {', '.join(LENGTH_SETTINGS)}; it has {', '.join(given) or 'none'}"
            )
        return self

    @property
    def steps_without_images(self) -> int | None:
        """Length of the run in steps; None if it is given in epochs, which depend on the number of images."""
        return None if self.epochs is not None else self.total_steps(0)

    def total_steps(self, image_count: int) -> int:
        """Length of the run in steps, rounded up, on a data set of `image_count` images."""
        if self.steps is not None:
            return self.steps
        # Epochs as decimals: in binary, 8.3 epochs of 30,000 images would be just over 249,000.
        seen = self.images if self.images is not None else Fraction(str(self.epochs)) * image_count
        return math.ceil(Fraction(seen, self.images_per_step))

    def whole_epochs(self, steps: int, image_count: int) -> int:
        """Number of complete passes over `image_count` images after `steps` steps."""
        return steps * self.images_per_step // image_count

    @property
    def images_per_step(self) -> int:
        """Reals that the discriminator sees in a step."""
        return self.batch_size * self.critic_steps
