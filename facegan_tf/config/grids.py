"""Settings of the pictures that a run draws."""

from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, ValidatorFunctionWrapHandler, field_validator

from facegan_tf.config.base import Changeable, Settings

# Not strict about the container: YAML has lists, but settings hold tuples, which can't be changed.
_Epochs = Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(strict=False)]


class GridSettings(Settings):
    """The control-vector grids: faces of the same latents, drawn again and again."""

    every: Changeable[int] = Field(default=50, ge=1)
    """Steps between grids."""
    side: int = Field(default=6, ge=1, le=32)
    """Number of faces in a row, and in a column."""
    latent_scale: float = Field(default=0.5, gt=0)
    """Factor on the control vectors, which are drawn from N(0, 1)."""
    epochs: Changeable[_Epochs | Literal["each"]] = ()
    """Epochs after which the faces are also saved in epochs/, the grid as PNG and the arrays as .npz.

    A list such as [10, 50], or `each`.
    """
    psnr_pool: int = Field(default=1000, ge=2)
    """Number of reals, the first of the store, among which PSNR looks for the one nearest to each face.

    Copies of other reals go undetected; a larger pool takes longer at each grid.
    """

    @field_validator("epochs", mode="wrap")
    @classmethod
    def _epochs_are_valid(cls, epochs: Any, validate: ValidatorFunctionWrapHandler) -> Any:
        try:
            return validate(epochs)
        except ValidationError:  # has a problem for each form, and neither says it all
            raise ValueError("must be a list of whole numbers from 1, such as [10, 50], or each") from None

    def keeps_epoch(self, epoch: int) -> bool:
        """Whether the faces after this epoch are saved in epochs/."""
        return self.epochs == "each" or epoch in self.epochs
