"""The attributes of a drawn face, and how they are chosen at random.

Head units have their origin between the eyes; y points down, and 1 is half the picture (at ``scale`` 1).
"Left" and "right" are those of the picture, not of the person. Colours are RGB in 0..1.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from facegan_tf.data.synthetic.colours import Colour, any_colour, blend, hair_colour, iris_colour, skin_colour

HAIR_STYLES = {
    "bald": 0.06,
    "shaved": 0.06,
    "short": 0.18,
    "parted": 0.17,
    "fringe": 0.13,
    "bob": 0.10,
    "long": 0.16,
    "curly": 0.09,
    "bun": 0.05,
}
"""Each hair style, with the share of faces that have it."""

BEARDS = {"none": 0.36, "stubble": 0.22, "moustache": 0.10, "goatee": 0.12, "full": 0.20}
"""Each beard, with its share in the sturdier half of the faces; the other half has none."""

GLASSES = {"none": 0.80, "round": 0.10, "rectangular": 0.10}

NECKLINES = {"round": 0.45, "v": 0.30, "high": 0.25}


@dataclass(frozen=True)
class FaceAttributes:
    """Everything that is drawn of one face, as numbers, strings and tuples.

    Lengths are in head units (see the module), angles in degrees, colours RGB in 0..1.
    The ranges are those from which :func:`face_attributes` chooses.
    """

    head_width: float  # half the width of the head, 0.50..0.58
    chin: float  # from the eyes down to the chin, 0.66..0.76
    jaw_taper: float  # share of the width that the head loses towards the chin, 0.10..0.34
    squareness: float  # of the head's outline, 0 (an ellipse)..0.5
    skin_colour: Colour
    blush: float  # redness of the cheeks, 0..1

    hair_style: str  # a key of HAIR_STYLES
    hair_colour: Colour
    hair_volume: float  # factor for the thickness of the hair, 0.8..1.25
    hairline: float  # from the eyes up to the hairline, 0.40..0.50
    parting: float  # position, -0.3 (left)..0.3 (right)
    waviness: float  # of the hair's outline and strands, 0..1
    strand_phase: float  # which strands catch the light, 0..2 pi

    eye_distance: float  # from the middle of the face to an eye's centre, 0.215..0.255
    eye_width: float  # half the width of an eye, 0.095..0.125
    eye_openness: float  # 0.75 (narrow)..1.25 (wide)
    eye_tilt: float  # slope of the eye's axis, positive: outer corner higher, -0.05..0.20
    iris_colour: Colour
    gaze: tuple[float, float]  # to the right and down, each -1..1; at 1 the corner of the eye
    lashes: float  # darkness of the upper lid's line, 0.3..1

    brow_height: float  # from the eyes up to the brows, 0.145..0.19
    brow_thickness: float  # 0.022..0.048
    brow_tilt: float  # slope, positive: outer end higher, -0.15..0.12
    brow_arch: float  # how far the ends bend down, 0..1
    brow_colour: Colour

    nose_length: float  # from the eyes down to the tip, 0.23..0.31
    nose_width: float  # half the width at the wings, 0.075..0.12
    nose_height: float  # how far the nose stands out, 0.10..0.17

    mouth_height: float  # from the eyes down to the mouth, 0.41..0.47
    mouth_width: float  # half the width, 0.15..0.22
    smile: float  # -0.25 (corners down)..1 (corners up)
    mouth_opening: float  # 0 (closed) or 0.3..1 (with visible teeth)
    lip_fullness: float  # 0.6..1.4
    lip_colour: Colour

    beard: str  # a key of BEARDS
    beard_colour: Colour
    glasses: str  # a key of GLASSES
    glasses_colour: Colour

    yaw: float  # positive: turned to the right, -18..18
    roll: float  # positive: clockwise, -6..6
    scale: float  # size of the head in the picture, 0.97..1.09
    shift: tuple[float, float]  # of the head, right and down, in halves of the picture, each -0.05..0.05

    light_azimuth: float  # positive: the light comes from the right, -55..55
    light_elevation: float  # height of the light above the eyes, 10..50
    ambient: float  # share of light from all directions, 0.35..0.6

    background: tuple[Colour, Colour]  # both ends of its gradient
    background_angle: float  # direction of the gradient, 0..360
    vignette: float  # darkness of the picture's corners, 0..0.5
    clothing_colour: Colour
    neckline: str  # a key of NECKLINES


def face_attributes(seed: int, index: int) -> FaceAttributes:
    """The attributes of face ``index`` of data set ``seed``; a pure function of both.

    Args:
        seed: number of the data set, >= 0.
        index: number of the face, >= 0, without an upper limit.

    Raises:
        ValueError: if ``seed`` or ``index`` is negative.
    """
    if seed < 0 or index < 0:
        raise ValueError(f"seed and index must be 0 or more, not {seed} and {index}")
    rng = np.random.default_rng(np.random.SeedSequence([seed, index]))
    tone = rng.uniform()
    # Jaw, brows, lashes and beard are loosely correlated, as in people; the hair style is independent.
    sturdiness = rng.uniform()
    hair = hair_colour(rng, tone)
    skin = skin_colour(rng, tone)
    return FaceAttributes(
        skin_colour=skin,
        **_head(rng, sturdiness),
        **_hair(rng, hair),
        **_eyes(rng, tone, sturdiness),
        **_brows(rng, sturdiness, hair),
        **_nose(rng),
        **_mouth(rng, sturdiness, skin),
        **_beard_and_glasses(rng, sturdiness, hair),
        **_pose_and_light(rng),
        **_surroundings(rng),
    )


def _choose(rng: np.random.Generator, shares: dict[str, float]) -> str:
    """A random name, each with the probability of its share; the shares add up to 1."""
    reached = np.cumsum(list(shares.values())) > rng.uniform()
    return list(shares)[int(np.argmax(reached))]


def _head(rng: np.random.Generator, sturdiness: float) -> dict[str, Any]:
    return {
        "head_width": rng.uniform(0.50, 0.56) + 0.02 * sturdiness,
        "chin": rng.uniform(0.66, 0.73) + 0.03 * sturdiness,
        "jaw_taper": rng.uniform(0.18, 0.34) - 0.08 * sturdiness,
        "squareness": rng.uniform(0.0, 0.25) + 0.25 * sturdiness,
        "blush": rng.uniform(),
    }


def _hair(rng: np.random.Generator, colour: Colour) -> dict[str, Any]:
    return {
        "hair_style": _choose(rng, HAIR_STYLES),
        "hair_colour": colour,
        "hair_volume": rng.uniform(0.8, 1.25),
        "hairline": rng.uniform(0.40, 0.50),
        "parting": rng.uniform(-0.3, 0.3),
        "waviness": rng.uniform(),
        "strand_phase": rng.uniform(0, 2 * np.pi),
    }


def _eyes(rng: np.random.Generator, tone: float, sturdiness: float) -> dict[str, Any]:
    return {
        "eye_distance": rng.uniform(0.215, 0.255),
        "eye_width": rng.uniform(0.095, 0.125),
        "eye_openness": rng.uniform(0.75, 1.25),
        "eye_tilt": rng.uniform(-0.05, 0.20),
        "iris_colour": iris_colour(rng, tone),
        "gaze": (rng.uniform(-1, 1), rng.uniform(-1, 1)),
        "lashes": rng.uniform(0.6, 1.0) - 0.3 * sturdiness,
    }


def _brows(rng: np.random.Generator, sturdiness: float, hair: Colour) -> dict[str, Any]:
    return {
        "brow_height": rng.uniform(0.155, 0.19) - 0.01 * sturdiness,
        "brow_thickness": rng.uniform(0.022, 0.036) + 0.012 * sturdiness,
        "brow_tilt": rng.uniform(-0.15, 0.12),
        "brow_arch": rng.uniform(),
        "brow_colour": blend(hair, (0.10, 0.07, 0.05), rng.uniform(0.3, 0.6)),
    }


def _nose(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "nose_length": rng.uniform(0.23, 0.31),
        "nose_width": rng.uniform(0.075, 0.12),
        "nose_height": rng.uniform(0.10, 0.17),
    }


def _mouth(rng: np.random.Generator, sturdiness: float, skin: Colour) -> dict[str, Any]:
    rouge = rng.uniform(0.1, 0.5) + rng.uniform(0, 0.4) * (1 - sturdiness)
    red, green, blue = skin
    natural = (0.88 * red, 0.66 * green, 0.68 * blue)
    smile = rng.uniform(-0.25, 1.0)
    return {
        "mouth_height": rng.uniform(0.41, 0.47),
        "mouth_width": rng.uniform(0.15, 0.19) + 0.03 * max(smile, 0.0),
        "smile": smile,
        "mouth_opening": rng.uniform(0.3, 1.0) if rng.uniform() < 0.15 + 0.45 * max(smile, 0.0) else 0.0,
        "lip_fullness": rng.uniform(0.6, 1.4),
        "lip_colour": blend(natural, (0.66, 0.13, 0.18), rouge * 0.6),
    }


def _beard_and_glasses(rng: np.random.Generator, sturdiness: float, hair: Colour) -> dict[str, Any]:
    beard = _choose(rng, BEARDS)
    return {
        "beard": beard if sturdiness > 0.5 else "none",
        "beard_colour": blend(hair, (0.12, 0.08, 0.06), rng.uniform(0, 0.4)),
        "glasses": _choose(rng, GLASSES),
        "glasses_colour": any_colour(rng, 0.05, 0.35, 0.8),
    }


def _pose_and_light(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "yaw": rng.uniform(-18, 18),
        "roll": rng.uniform(-6, 6),
        "scale": rng.uniform(0.97, 1.09),
        "shift": (rng.uniform(-0.05, 0.05), rng.uniform(-0.05, 0.05)),
        "light_azimuth": rng.uniform(-55, 55),
        "light_elevation": rng.uniform(10, 50),
        "ambient": rng.uniform(0.35, 0.6),
    }


def _surroundings(rng: np.random.Generator) -> dict[str, Any]:
    wall = any_colour(rng, 0.25, 0.95, 0.6)
    return {
        "background": (wall, blend(wall, any_colour(rng, 0.1, 0.95, 0.6), rng.uniform(0.2, 0.8))),
        "background_angle": rng.uniform(0, 360),
        "vignette": rng.uniform(0, 0.5) if rng.uniform() < 0.5 else 0.0,
        "clothing_colour": any_colour(rng, 0.12, 0.9, 0.9),
        "neckline": _choose(rng, NECKLINES),
    }
