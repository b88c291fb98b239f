"""Settings of the images."""

from pydantic import Field, field_validator

from facegan_tf.config.base import Changeable, Settings
from facegan_tf.config.crop import parse_crop


class DataSettings(Settings):
    """The images, and how they reach the nets."""

    source: Changeable[str] = Field(min_length=1)
    """Source of the images: a prepared store, a folder of photos, a zip of photos, or `synthetic[:N]`.

    A resumed run may name another, since a source may move; its store must still have the same pixels.
    """
    size: int = Field(ge=8, le=1024)
    """Height and width of an image, in pixels."""
    crop: str = "square"
    """Part of each photo to keep: `square`, `center:N` or `box:L,T,R,B`, in pixels of the photo.

    A prepared store has been cropped already.
    """
    limit: int | None = Field(default=None, ge=1)
    """Number of images to use, the first by name; null: all."""
    max_rejected: Changeable[float] = Field(default=0.5, ge=0, le=1)
    """Largest share of unusable photos, 0 to 1; with more, the source is probably the wrong one."""
    flip: bool = False
    """Whether to mirror each image left to right with probability 1/2."""
    cache: Changeable[str] = Field(default="~/.cache/facegan_tf", min_length=1)
    """Folder for the stores that are prepared from photos, kept for later runs."""

    @field_validator("crop")
    @classmethod
    def _crop_is_valid(cls, crop: str) -> str:
        parse_crop(crop)
        return crop
