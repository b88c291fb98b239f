"""Settings of the augmentation of the images that the discriminator sees."""

from collections import Counter
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from facegan_tf.config.base import Settings, WrongSetting
from facegan_tf.config.schedule import Number, scheduled

AugmentKind = Literal["flip", "colour", "translation", "cutout"]

# Not strict about the container: YAML has lists, but settings hold tuples, which can't be changed.
_Kinds = Annotated[tuple[AugmentKind, ...], Field(strict=False)]


class AugmentSettings(Settings):
    """Random changes to all images that the discriminator sees, reals and fakes alike.

    With few photos, they keep the discriminator from memorising the reals. Gradients flow back through them,
    so the generator does not learn to draw the changes.
    """

    kinds: _Kinds = ()
    """Kinds of change, applied in this order: `flip`, `colour`, `translation`, `cutout`; []: none.

    `flip`: mirrors the image left to right, half of the time. `colour`: changes brightness, saturation and
    contrast. `translation`: moves the image by up to 1/8 of the side, across and down. `cutout`: sets a
    square of half the side, anywhere, to mid-grey. What a translation leaves empty is mid-grey too.
    """
    strength: Annotated[Number, scheduled(ge=0, le=1)] = 1.0
    """Probability with which an image gets a kind of change, independently for each; may be a schedule."""

    @model_validator(mode="after")
    def _strength_has_kinds(self) -> "AugmentSettings":
        if self.strength != 1.0 and not self.kinds:
            problem = "there are no changes for it; list some in kinds, or leave it out"
            raise WrongSetting("strength", self.model_dump()["strength"], problem)
        return self

    @field_validator("kinds")
    @classmethod
    def _kinds_differ(cls, kinds: tuple[AugmentKind, ...]) -> tuple[AugmentKind, ...]:
        repeated = [kind for kind, count in Counter(kinds).items() if count > 1]
        if repeated:
            raise ValueError(f"must have each kind once; repeated: {', '.join(repeated)}")
        return kinds
