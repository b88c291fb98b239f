"""Paints the beard and the glasses of a face."""

import numpy as np

from facegan_tf.data.synthetic.attributes import FaceAttributes
from facegan_tf.data.synthetic.scene import Scene, egg

# Opacity of a beard, and how far it extends beyond the edge of the chin.
_WHISKERS = {"stubble": (0.38, 0.0), "moustache": (0.88, 0.0), "goatee": (0.88, 0.0), "full": (0.88, 0.03)}

# Half width, half height and squareness of the lenses.
_LENSES = {"round": (0.155, 0.145, 0.0), "rectangular": (0.175, 0.115, 1.0)}


def draw_beard(scene: Scene, face: FaceAttributes) -> None:
    """Paint whiskers on lip, chin and cheeks, in the beard's shape. The lips are painted over it later."""
    if face.beard == "none":
        return
    opacity, overhang = _WHISKERS[face.beard]
    part = scene.window(face, (0.0, 0.4), (0.8, 0.5))
    aside, y = np.abs(part.face_x), part.head_y - face.mouth_height
    if face.beard == "moustache":
        # An arch between nose and mouth, with its ends beside the lips.
        arch = np.abs(y + 0.075 - 1.6 * aside * aside) - 0.035
        distance = np.maximum(arch, aside - face.mouth_width - 0.02)
    else:
        distance, _ = egg(aside, y - 0.03, (face.mouth_width + 0.06, 0.15, 0.5), 0.3)
    if face.beard in ("stubble", "full"):
        beyond_mouth = np.clip((aside - 0.15) * (1 / (face.head_width - 0.15)), 0, 1)
        distance = np.minimum(distance, 0.04 - 0.42 * beyond_mouth - y)
    coverage = part.cover(distance, 0.07) * part.cover(part.outline - overhang) * opacity
    part.paint_lit(coverage, face.beard_colour)


def draw_glasses(scene: Scene, face: FaceAttributes) -> None:
    """Paint two rims around the eyes, a bridge, and the temples as far as the edge of the head."""
    if face.glasses == "none":
        return
    width, height, squareness = _LENSES[face.glasses]
    part = scene.window(face, (0.0, 0.0), (0.8, 0.2))
    aside = np.abs(part.face_x) - face.eye_distance
    y = part.head_y - 0.015
    distance, _ = egg(aside, y, (width, height, height), squareness)
    part.paint(0.10 * part.cover(distance), (0.90, 0.95, 1.0))
    rim = np.abs(distance) - 0.011
    bars = np.maximum(np.abs(y + 0.03) - 0.011, width - np.abs(aside))
    part.paint(part.cover(np.minimum(rim, bars)) * part.cover(part.outline), face.glasses_colour)
