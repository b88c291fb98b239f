"""Which square of a photo becomes a face: the largest one, a centred one, or a box."""

import re
from dataclasses import dataclass

from facegan_tf.common.errors import Rejected

CROP_FORMS = "square, center:N or box:LEFT,TOP,RIGHT,BOTTOM (pixels)"


@dataclass(frozen=True)
class Crop:
    """Which square of the upright image is kept: without `side` and `box`, the largest centred one."""

    side: int | None = None
    """Height and width of a centred square, in pixels."""
    box: tuple[int, int, int, int] | None = None
    """(left, top, right, bottom) in pixels."""

    def __str__(self) -> str:
        """The text that `parse_crop` parses."""
        if self.box:
            return "box:" + ",".join(map(str, self.box))
        return f"center:{self.side}" if self.side else "square"

    def box_in(self, width: int, height: int) -> tuple[int, int, int, int]:
        """(left, top, right, bottom) of the square in an image of this size, in pixels.

        Left and top of a centred square are rounded down. Raises Rejected if it does not fit in the image.
        """
        if self.box:
            if self.box[2] > width or self.box[3] > height:
                raise Rejected(f"{width}x{height} pixels: too small for the crop {self}")
            return self.box
        side = self.side or min(width, height)
        if side > min(width, height):
            raise Rejected(f"{width}x{height} pixels: too small for the crop {self}")
        left, top = (width - side) // 2, (height - side) // 2
        return left, top, left + side, top + side


def parse_crop(text: str) -> Crop:
    """Parse `square`, `center:N` or `box:L,T,R,B`. Raises ValueError for anything else."""
    if text == "square":
        return Crop()
    if match := re.fullmatch(r"center:([0-9]{1,6})", text):
        if (side := int(match[1])) >= 1:
            return Crop(side=side)
    elif match := re.fullmatch(r"box:([0-9]{1,6}),([0-9]{1,6}),([0-9]{1,6}),([0-9]{1,6})", text):
        left, top, right, bottom = (int(number) for number in match.groups())
        if right - left != bottom - top:
            raise ValueError(
                f"has a box of {right - left}x{bottom - top} pixels, which must be square: faces are square, "
                "and photos are not stretched"
            )
        if right > left:
            return Crop(box=(left, top, right, bottom))
    raise ValueError(f"is not a crop; it must be {CROP_FORMS}")
