"""Which square of a photo becomes a face: the largest, a centred one, or a box."""

import re
from dataclasses import dataclass

from facegan_tf.common.errors import Rejected

CROP_FORMS = "square, center:N or box:LEFT,TOP,RIGHT,BOTTOM (pixels)"


@dataclass(frozen=True)
class Crop:
    """Which square of the oriented image is kept.

    `side` None and `box` None: the largest centred square; `side`: a centred square of that side;
    `box`: (left, top, right, bottom) in pixels. Centred squares round their left and top down.
    """

    side: int | None = None
    box: tuple[int, int, int, int] | None = None

    def __str__(self) -> str:
        """The form that `parse_crop` reads."""
        if self.box:
            return "box:" + ",".join(map(str, self.box))
        return f"center:{self.side}" if self.side else "square"

    def box_in(self, width: int, height: int) -> tuple[int, int, int, int]:
        """The box to cut from an image of this size; Rejected if it reaches outside."""
        if self.box:
            if self.box[2] > width or self.box[3] > height:
                raise Rejected(f"{width}x{height} pixels: the crop {self} reaches outside")
            return self.box
        side = self.side or min(width, height)
        if side > min(width, height):
            raise Rejected(f"{width}x{height} pixels: too small for the crop {self}")
        left, top = (width - side) // 2, (height - side) // 2
        return left, top, left + side, top + side


def parse_crop(text: str) -> Crop:
    """`square`, `center:N` or `box:L,T,R,B` as a Crop; ValueError if it is none of them."""
    if text == "square":
        return Crop()
    if match := re.fullmatch(r"center:([0-9]{1,6})", text):
        if (side := int(match[1])) >= 1:
            return Crop(side=side)
    elif match := re.fullmatch(r"box:([0-9]{1,6}),([0-9]{1,6}),([0-9]{1,6}),([0-9]{1,6})", text):
        left, top, right, bottom = (int(number) for number in match.groups())
        if right - left != bottom - top:
            raise ValueError(
                f"the box is {right - left} wide and {bottom - top} high; it must be "
                "square, as the faces of a store are and nothing is stretched"
            )
        if right > left:
            return Crop(box=(left, top, right, bottom))
    raise ValueError(f"is not a crop; use {CROP_FORMS}")
