"""The picture on which a face is painted: its coordinates, and the shapes and light of all layers.

Shapes are distance functions (negative inside), so that they are antialiased at every size.
The units are described in ``attributes``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, radians, sin

import numpy as np

from facegan_tf.data.synthetic.attributes import FaceAttributes
from facegan_tf.data.synthetic.colours import Colour

CROWN = 0.66  # from the eyes up to the top of the skull

_EYE_LEVEL = -0.10  # in a picture whose height is -1..1: 45 % down


@dataclass(frozen=True)
class Scene:
    """A picture, or a window into it, with the coordinates of its pixels: float32 [height, width].

    Windows are views: painting in one changes the whole picture.
    """

    image: np.ndarray  # [3, height, width], RGB in 0..1
    frame_x: np.ndarray  # -1 (left)..1 (right)
    frame_y: np.ndarray  # -1 (top)..1 (bottom)
    head_x: np.ndarray  # in head units, rotated by the roll
    head_y: np.ndarray
    face_x: np.ndarray  # position on the turned face; 0 is the middle of nose and mouth
    outline: np.ndarray  # distance to the head's edge
    gauge: np.ndarray  # 0 in the middle of the head..1 on its edge, and more outside
    light: np.ndarray  # light on the face; at 1 the skin has its own colour
    pixel: float  # width of a pixel, in head units
    frame_pixel: float  # width of a pixel, in units of frame_x

    def cover(self, distance: np.ndarray, softness: float = 0.0) -> np.ndarray:
        """Coverage 1..0 across the edge at ``distance`` 0, over ``softness`` but at least a pixel."""
        ramp = (0.5 - distance * (1 / max(self.pixel, softness))).clip(0, 1)
        return ramp * ramp * (3 - 2 * ramp)

    def paint(self, coverage: np.ndarray, colour: Sequence[float | np.ndarray]) -> None:
        """Paint ``colour``, three numbers or planes, over the picture where ``coverage`` is above 0."""
        for plane, channel in zip(self.image, colour, strict=True):
            plane += coverage * (channel - plane)

    def paint_lit(self, coverage: np.ndarray, colour: Colour) -> None:
        """Paint ``colour`` over the face, with the light on the face."""
        self.paint(coverage, lit(colour, self.light))

    def face_window(self, face: FaceAttributes, y: float, reach: tuple[float, float]) -> "Scene":
        """The part up to ``reach`` (across, down) from the middle of the face at height ``y``."""
        return self.window(face, (_depth_width(face) * sin(radians(face.yaw)), y), reach)

    def window(
        self, face: FaceAttributes, centre: tuple[float, float], reach: tuple[float, float]
    ) -> "Scene":
        """The part up to ``reach`` (across, down) from ``centre``, all in head units."""
        x, y = centre
        roll = radians(face.roll)
        middle_x = face.shift[0] + face.scale * (x * cos(roll) - y * sin(roll))
        middle_y = face.shift[1] + face.scale * (x * sin(roll) + y * cos(roll)) + _EYE_LEVEL
        reach_x = face.scale * (reach[0] + abs(sin(roll)) * reach[1])
        reach_y = face.scale * (reach[1] + abs(sin(roll)) * reach[0])
        return self.cut((middle_y - reach_y, middle_y + reach_y), (middle_x - reach_x, middle_x + reach_x))

    def cut(self, rows: tuple[float, float], columns: tuple[float, float]) -> "Scene":
        """The window between two heights and two sides of the picture, each in -1..1 or beyond."""
        down, across = (
            slice(max(int((first + 1) / self.frame_pixel), 0), max(int((last + 1) / self.frame_pixel) + 2, 0))
            for first, last in (rows, columns)
        )
        return Scene(
            image=self.image[:, down, across],
            frame_x=self.frame_x[down, across],
            frame_y=self.frame_y[down, across],
            head_x=self.head_x[down, across],
            head_y=self.head_y[down, across],
            face_x=self.face_x[down, across],
            outline=self.outline[down, across],
            gauge=self.gauge[down, across],
            light=self.light[down, across],
            pixel=self.pixel,
            frame_pixel=self.frame_pixel,
        )


def blank_scene(face: FaceAttributes, size: int) -> Scene:
    """A black picture of ``size`` x ``size`` pixels, with coordinates for the pose of ``face``."""
    centres = ((np.arange(size) + 0.5) * (2 / size) - 1).astype(np.float32)
    frame_x, frame_y = np.meshgrid(centres, centres)
    x, y = frame_x - face.shift[0], frame_y - (face.shift[1] + _EYE_LEVEL)
    roll, yaw = radians(face.roll), radians(face.yaw)
    head_x = (x * cos(roll) + y * sin(roll)) * (1 / face.scale)
    head_y = (y * cos(roll) - x * sin(roll)) * (1 / face.scale)
    # The features are on an upright cylinder; turning it back by the yaw gives the feature at a pixel.
    radius = _depth_width(face)
    depth = np.sqrt((radius**2 - head_x * head_x).clip(0, radius**2))
    outline, gauge = _head_outline(face, head_x, head_y)
    return Scene(
        image=np.zeros((3, size, size), np.float32),
        frame_x=frame_x,
        frame_y=frame_y,
        head_x=head_x,
        head_y=head_y,
        face_x=head_x * cos(yaw) - depth * sin(yaw),
        outline=outline,
        gauge=gauge,
        light=np.ones((size, size), np.float32),
        pixel=2 / size / face.scale,
        frame_pixel=2 / size,
    )


def _depth_width(face: FaceAttributes) -> float:
    """Radius of the cylinder with the features; wider than the head, so that its edge is hidden."""
    return 1.08 * face.head_width


def _head_outline(
    face: FaceAttributes, head_x: np.ndarray, head_y: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Distance and gauge of the head, whose jaw tapers and whose chin follows the yaw."""
    descent = np.clip(head_y * (1 / face.chin), 0, 1.2) ** 2
    x = head_x - (0.45 * face.head_width * sin(radians(face.yaw))) * descent
    x = x / (1 - face.jaw_taper * descent)
    return egg(x, head_y, (face.head_width, CROWN, face.chin), face.squareness)


def egg(
    x: np.ndarray, y: np.ndarray, reach: tuple[float, float, float], squareness: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """Distance to and gauge of an egg around the origin with these radii (sideways, up, down).

    The gauge is 0 in the middle and 1 on the edge. Squareness 0 is an ellipse, 1 nearly a rounded box.
    """
    aside, up, down = reach
    across = x * (1 / aside)
    along = np.maximum(y * (-1 / up), y * (1 / down))
    across, along = across * across, along * along
    gauge = np.sqrt(across + along + 1e-6)
    if squareness:
        gauge += squareness * (np.sqrt(np.sqrt(across * across + along * along + 1e-12)) - gauge)
    return np.sqrt(x * x + y * y) * (1 - 1 / gauge), gauge


def bump(x: np.ndarray, y: np.ndarray, width: float, height: float) -> np.ndarray:
    """A smooth hill of height 1 at the origin."""
    across, along = x * (1 / width), y * (1 / height)
    return np.exp(-(across * across + along * along))


def lit(colour: Colour, light: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """``colour`` under ``light``, as three planes; shade is warmer, as on skin."""
    shade = light * (1 - light).clip(0, 1)
    red, green, blue = colour
    return red * (light + 0.32 * shade), green * light, blue * (light - 0.06 * shade)


def light_direction(face: FaceAttributes) -> tuple[float, float, float]:
    """Unit vector towards the light: right, down, towards the viewer."""
    azimuth, elevation = radians(face.light_azimuth), radians(face.light_elevation)
    return sin(azimuth) * cos(elevation), -sin(elevation), cos(azimuth) * cos(elevation)


def lambert(
    face: FaceAttributes, right: np.ndarray, down: np.ndarray | float, front: np.ndarray | float
) -> np.ndarray:
    """Light on a surface with the normal (right, down, front); about 1 if it faces the viewer."""
    to_right, to_down, to_front = light_direction(face)
    length = np.sqrt(right * right + down * down + front * front)
    # The light reaches around by a third, which makes the edge of the shade soft.
    facing = ((right * to_right + down * to_down + front * to_front) / length + 0.33).clip(0, 1.33)
    return face.ambient + (1 - face.ambient) / (0.45 + 0.75 * to_front) * facing
