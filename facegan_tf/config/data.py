"""Settings of the images."""

from typing import Any, Literal

from pydantic import Field, field_validator

from facegan_tf.config.base import Changeable, Settings
from facegan_tf.config.crop import parse_crop


class DataSettings(Settings):
    """The images, and how they reach the nets."""

    source: Changeable[str | list[str]]
    """Source of the images: a prepared store, a folder or a zip of photos, tar, parquet or TFRecord files,
    `hf:OWNER/NAME` or `synthetic[:N]`; or a list of these.

    A resumed run may name another, since a source may move; its store must still have the same pixels.
    """
    column: str | None = None
    """Column of the photos in a parquet file, or feature in a TFRecord; null: found by its type."""
    size: int = Field(ge=8, le=1024)
    """Height and width of an image, in pixels."""
    crop: str = "square"
    """Part of each photo to keep: `square`, `center:N` or `box:L,T,R,B`, in pixels of the photo.

    With `align`, in pixels of CelebA's 178x218. A prepared store is already cropped.
    """
    align: bool = False
    """Whether to find the faces and align them as CelebA's are."""
    faces: Literal["largest", "all"] = "largest"
    """Faces of a photo to align: `largest` or `all`."""
    outside: Literal["mirror", "reject"] = "mirror"
    """What to do with aligned faces that extend beyond the edge of their photo: `mirror` or `reject`."""
    attributes: Changeable[str | None] = None
    """Table of the photos' attributes for `where`, such as CelebA's `list_attr_celeba.txt`."""
    where: str | None = None
    """Expression that must be true of a photo's attributes, such as `Smiling == 1 and Male == -1`."""
    dedupe: int | None = Field(default=None, ge=0, le=32)
    """Largest distance at which near-duplicates are dropped, in bits of 256; null: none are dropped."""
    limit: int | None = Field(default=None, ge=1)
    """Number of images to use, the first by name; null: all."""
    held_out: int = Field(default=0, ge=0)
    """Number of the images used, the last by name, to leave out of training and to score the run against.

    0: it is scored against the images that it learns from, where a copy of one counts as a good face.
    """
    max_rejected: Changeable[float] = Field(default=0.5, ge=0, le=1)
    """Largest share of unusable photos, 0 to 1; with more, the source is probably the wrong one."""
    flip: bool = False
    """Whether to mirror each image left to right with probability 1/2."""
    cache: Changeable[str] = Field(default="~/.cache/facegan_tf", min_length=1)
    """Folder for the stores that are prepared from photos, kept for later runs."""

    def training_count(self, available: int) -> int:
        """Number of images to learn from if the source has `available` images; below 1: too few."""
        return min(available, self.limit or available) - self.held_out

    @field_validator("source", mode="before")  # else a wrong value is reported once for each of the two types
    @classmethod
    def _source_is_text(cls, source: Any) -> Any:
        texts = source if isinstance(source, list) else [source]
        if not all(isinstance(text, str) for text in texts):
            raise ValueError("must be text, or a list of texts; put numbers in quotes")
        if not texts or "" in texts:
            raise ValueError("must not be empty")
        return source

    @field_validator("crop")
    @classmethod
    def _crop_is_valid(cls, crop: str) -> str:
        parse_crop(crop)
        return crop
