"""Paints the hair of a face: behind the neck, on the skull and beside the face."""

from dataclasses import dataclass
from math import radians, sin

import numpy as np

from facegan_tf.data.synthetic.attributes import FaceAttributes
from facegan_tf.data.synthetic.scene import CROWN, Scene, egg, lambert, lit


@dataclass(frozen=True)
class Haircut:
    """The shape of a hair style; lengths are in head units."""

    thickness: float  # of the hair on the skull
    sides: float  # how far below the eyes it ends beside the face
    back: float = 0.0  # how far below the eyes it ends behind the neck; 0: there is none
    fringe: float = 0.0  # how far it covers the forehead
    sweep: float = 0.0  # how steeply its edge descends from the parting
    opacity: float = 1.0
    curls: float = 0.0  # 0 (strands)..1 (curls)
    bun: bool = False


HAIRCUTS = {
    "bald": Haircut(thickness=0.0, sides=0.0, opacity=0.0),
    "shaved": Haircut(thickness=0.01, sides=0.0, opacity=0.6),
    "short": Haircut(thickness=0.06, sides=0.0),
    "parted": Haircut(thickness=0.11, sides=0.03, sweep=0.25),
    "fringe": Haircut(thickness=0.09, sides=0.10, fringe=0.20),
    "bob": Haircut(thickness=0.12, sides=0.48, back=0.62, fringe=0.05, sweep=0.35),
    "long": Haircut(thickness=0.12, sides=2.0, back=2.4, sweep=0.45),
    "curly": Haircut(thickness=0.19, sides=0.15, back=0.50, curls=1.0),
    "bun": Haircut(thickness=0.05, sides=0.0, sweep=0.12, bun=True),
}


def draw_hair_behind(scene: Scene, face: FaceAttributes) -> None:
    """Paint the hair behind face and neck, and the bun."""
    cut = HAIRCUTS[face.hair_style]
    if cut.back:
        distance, gauge = hair_silhouette(scene, face, cut)
        paint_hair(scene, face, scene.cover(distance), gauge, 0.65)
    if cut.bun:
        bun = scene.window(face, (0.0, -CROWN - 0.05), (0.6, 0.3))
        x, y = bun.head_x - 0.5 * face.parting, bun.head_y + CROWN + 0.08
        distance, gauge = egg(x, y, (0.22 * face.hair_volume, 0.17, 0.17))
        paint_hair(bun, face, bun.cover(distance), gauge, 0.9)


def draw_hair_in_front(scene: Scene, face: FaceAttributes) -> None:
    """Paint the hair on the skull and beside the face."""
    cut = HAIRCUTS[face.hair_style]
    if not cut.opacity:
        return
    part = scene.window(face, (0.0, (cut.sides - 0.9) / 2), (0.9, (cut.sides + 1.1) / 2))
    silhouette, gauge = hair_silhouette(part, face, cut)
    outside_face = -hair_opening(part, face)
    softness = 0.05 if cut.opacity == 1 else 0.12
    ends = part.cover(part.head_y - cut.sides, 0.16)
    coverage = part.cover(silhouette) * part.cover(outside_face, softness) * ends
    paint_hair(part, face, coverage * cut.opacity, gauge, 1.0)


def hair_shadow(scene: Scene, face: FaceAttributes) -> np.ndarray:
    """The share of light that the hair takes from the skin beside it, 0..0.4."""
    strength = 0.4 * HAIRCUTS[face.hair_style].opacity
    return strength * np.exp(np.minimum(hair_opening(scene, face), 0) * 16)


def hair_opening(scene: Scene, face: FaceAttributes) -> np.ndarray:
    """Distance to the edge of the gap for the face: below the hairline, between the sides."""
    cut = HAIRCUTS[face.hair_style]
    # The hair stands out from the skull, so the yaw moves its edge less than the features.
    x = 0.5 * (scene.face_x + scene.head_x)
    y = scene.head_y - 0.10
    if cut.fringe:
        y = y - cut.fringe * (1 + 0.12 * np.sin(16 * x + face.strand_phase))
    if cut.sweep:
        y = y - cut.sweep * (np.sqrt((x - face.parting) ** 2 + 0.003) - 0.10)
    return egg(x, y, (0.92 * face.head_width, face.hairline + 0.10, 2.5))[0]


def hair_silhouette(scene: Scene, face: FaceAttributes, cut: Haircut) -> tuple[np.ndarray, np.ndarray]:
    """Distance and gauge of the outer edge of the hair."""
    thickness = cut.thickness * face.hair_volume
    x, y = scene.head_x + 0.06 * sin(radians(face.yaw)), scene.head_y
    if cut.back:
        x = x + (0.03 * face.waviness) * np.sin(7 * y + face.strand_phase) * np.clip(y + 0.3, 0, 1)
    else:
        # The lower short hair grows, the closer it is to the head.
        x = x * (1 + 0.2 * np.maximum(y + 0.25, 0))
    distance, gauge = egg(x, y, (face.head_width + thickness, CROWN + thickness, cut.back or 0.9))
    if cut.curls:
        angle = np.arctan2(x, -y)
        ripple = np.sin(9 * angle + face.strand_phase) + 0.6 * np.sin(16 * angle - face.strand_phase)
        distance = distance + 0.02 * cut.curls * ripple
    return distance, gauge


def strands(scene: Scene, face: FaceAttributes) -> np.ndarray:
    """Texture of the hair in about -1..1: locks that start at the parting, or curls."""
    x, y, phase = scene.head_x, scene.head_y, face.strand_phase
    if HAIRCUTS[face.hair_style].curls:
        return np.sin(24 * x + 2 * np.sin(13 * y + phase)) * np.sin(22 * y + 2 * np.sin(15 * x - phase))
    fan = (x - face.parting) / (np.maximum(y, -CROWN) + 1.3)
    fan = fan + (0.03 * face.waviness) * np.sin(9 * y + phase)
    return 0.6 * np.sin(19 * fan + phase) + 0.4 * np.sin(47 * fan - phase)


def paint_hair(
    scene: Scene, face: FaceAttributes, coverage: np.ndarray, gauge: np.ndarray, brightness: float
) -> None:
    """Paint hair over the scene, lit as a dome, with strands and a band of shine."""
    texture = strands(scene, face)
    towards = np.sqrt(1.1 - gauge.clip(0, 1) ** 2)
    light = lambert(face, scene.head_x * 1.3, scene.head_y * 0.9, towards)
    light *= brightness * (0.88 + 0.16 * texture)
    band = (gauge - 0.80) * 8
    shine = np.exp(-band * band) * light * (0.16 + 0.08 * texture)
    shine *= 1 - 0.5 * HAIRCUTS[face.hair_style].curls
    planes = lit(face.hair_colour, light)
    scene.paint(coverage, [p + shine * (c + 0.25) for p, c in zip(planes, face.hair_colour, strict=True)])
