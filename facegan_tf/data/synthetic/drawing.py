"""Paints a face layer by layer; each layer is a coverage in 0..1 and a colour.

The light falls on a relief: an egg with bumps for nose, cheeks, lips and chin.
"""

from math import cos, radians, sin

import numpy as np

from facegan_tf.data.synthetic.attributes import FaceAttributes
from facegan_tf.data.synthetic.beard_and_glasses import draw_beard, draw_glasses
from facegan_tf.data.synthetic.colours import Colour
from facegan_tf.data.synthetic.hair import draw_hair_behind, draw_hair_in_front, hair_shadow
from facegan_tf.data.synthetic.scene import Scene, blank_scene, bump, egg, lambert, light_direction, lit

# Lashes and pupils would be thinner than a pixel, so smaller portraits are painted larger and reduced.
_SMALLEST_CANVAS = 128


def paint_portrait(face: FaceAttributes, size: int) -> np.ndarray:
    """The portrait of ``face`` as uint8 [size, size, 3]."""
    factor = -(-_SMALLEST_CANVAS // size)
    scene = blank_scene(face, size * factor)
    draw_background(scene, face)
    draw_hair_behind(scene, face)
    draw_neck(scene, face)
    draw_clothing(scene, face)
    draw_skin(scene, face)
    draw_beard(scene, face)
    draw_nostrils(scene, face)
    draw_mouth(scene, face)
    draw_eyes(scene, face)
    draw_brows(scene, face)
    draw_glasses(scene, face)
    draw_hair_in_front(scene, face)
    return _to_bytes(scene.image, factor)


def _to_bytes(image: np.ndarray, factor: int) -> np.ndarray:
    """[3, height, width] in 0..1, reduced by ``factor``, as uint8 [height, width, 3]."""
    image = image.clip(0, 1)
    phases = [image[:, row::factor, column::factor] for row in range(factor) for column in range(factor)]
    mean = sum(phases[1:], phases[0]) * (255 / factor**2)
    return np.ascontiguousarray((mean + 0.5).astype(np.uint8).transpose(1, 2, 0))


def draw_background(scene: Scene, face: FaceAttributes) -> None:
    """Paint a smooth gradient between two colours, with darker corners if there is a vignette."""
    angle = radians(face.background_angle)
    along = np.clip(0.5 + 0.4 * (scene.frame_x * cos(angle) + scene.frame_y * sin(angle)), 0, 1)
    corners = 1 - 0.5 * face.vignette * (scene.frame_x**2 + scene.frame_y**2)
    for plane, near, far in zip(scene.image, *face.background, strict=True):
        plane[...] = (near + (far - near) * along) * corners


def draw_neck(scene: Scene, face: FaceAttributes) -> None:
    """Paint a cylinder below the head, in the shadow of the chin."""
    part = scene.window(face, (0.0, 0.8), (0.8, 0.6))
    x = part.head_x - 0.3 * face.head_width * sin(radians(face.yaw))
    width = 0.62 * face.head_width + 0.25 * np.maximum(part.head_y - 0.75, 0) ** 2
    across = np.clip(x / width, -1, 1)
    light = lambert(face, across, 0.0, np.sqrt(1.05 - across * across))
    light *= 0.92 - 0.46 * np.exp(np.maximum(part.outline, 0) * -6)
    coverage = part.cover(np.abs(x) - width) * part.cover(0.3 - part.head_y)
    part.paint(coverage, lit(face.skin_colour, light))


def draw_clothing(scene: Scene, face: FaceAttributes) -> None:
    """Paint shoulders, with an opening in the shape of the neckline."""
    part = scene.cut((0.6, 1.0), (-1.0, 1.0))
    x, y = part.frame_x - face.shift[0], part.frame_y - face.shift[1]
    aside = np.abs(x)
    shoulders = 0.72 + 0.20 * aside * np.sqrt(aside) - y
    if face.neckline == "v":
        opening = aside + y - 1.05
    else:
        depth = {"round": 0.24, "high": 0.10}[face.neckline]
        opening, _ = egg(x, y - 0.68, (0.40, 0.40, depth))
    light = lambert(face, 0.8 * x, -0.25, 1.0) * (0.9 - 0.22 * np.exp(np.abs(opening) * -14))
    part.paint(part.cover(np.maximum(shoulders, -opening)), lit(face.clothing_colour, light))


def draw_skin(scene: Scene, face: FaceAttributes) -> None:
    """Paint ears and head, lit as a relief. The scene keeps the light for the features of the face."""
    draw_ears(scene, face)
    part = scene.window(face, (0.0, 0.02), (0.63, 0.75))
    down, across = np.gradient(face_relief(part, face), part.pixel)
    light = lambert(
        face,
        part.head_x * (0.9 / face.head_width) - across,
        part.head_y * 0.8 - down,
        np.sqrt(1.04 - part.gauge.clip(0, 1) ** 2),
    )
    light *= (1 - 0.20 * nose_shadow(part, face)) * (1 - hair_shadow(part, face))
    part.light[...] = light.clip(0, 1.12)
    coverage = part.cover(part.outline)
    part.paint_lit(coverage, face.skin_colour)
    cheeks = bump(np.abs(part.face_x) - 0.31, part.head_y - 0.22, 0.13, 0.11)
    red, green, blue = face.skin_colour
    part.paint_lit(coverage * cheeks * (0.5 * face.blush), (red, 0.72 * green, 0.74 * blue))
    part.paint(coverage * np.clip(light - 0.95, 0, 0.3) * 0.3, (1.0, 0.95, 0.9))


def draw_ears(scene: Scene, face: FaceAttributes) -> None:
    """Paint an oval behind each edge of the head; the yaw hides one ear and reveals the other."""
    yaw = radians(face.yaw)
    part = scene.window(face, (0.0, 0.09), (0.72, 0.17))
    y = part.head_y - 0.09
    x = part.head_x + 0.10 * sin(yaw)
    outwards = np.abs(x) - face.head_width * cos(yaw) + 0.15 * y
    distance, gauge = egg(outwards, y, (0.075, 0.14, 0.15))
    hollow = 0.95 - 0.35 * np.exp(gauge * gauge * -2.5)
    light = lambert(face, outwards * np.sign(x) * 6, y * 3, 0.8) * hollow
    part.paint(part.cover(distance), lit(face.skin_colour, light))


def face_relief(scene: Scene, face: FaceAttributes) -> np.ndarray:
    """Height of nose, sockets, cheeks, lips and chin above the egg of the head."""
    x, y, nose = scene.face_x, scene.head_y, nose_x(scene, face)
    aside = np.abs(x)
    below_tip = y - face.nose_length
    rise = np.clip((y + 0.08) * (1 / (face.nose_length + 0.08)), 0, 1)
    relief = face.nose_height * 0.75 * rise * bump(nose, np.maximum(below_tip, 0), 0.065, 0.085)
    relief += face.nose_height * 0.25 * bump(nose, below_tip, 0.07, 0.085)
    relief += 0.05 * bump(np.abs(nose) - 0.8 * face.nose_width, below_tip - 0.01, 0.04, 0.045)
    relief -= 0.075 * bump(aside - face.eye_distance, y + 0.02, 0.14, 0.09)
    relief += 0.06 * bump(aside - 0.32, y - 0.20, 0.14, 0.14)
    relief += 0.035 * bump(x, y - face.mouth_height, 0.17, 0.09)
    relief -= 0.030 * bump(x, y - face.mouth_height - 0.12, 0.14, 0.04)
    relief += 0.045 * bump(x, y - face.chin + 0.12, 0.13, 0.09)
    return relief


def nose_x(scene: Scene, face: FaceAttributes) -> np.ndarray:
    """Distance from the ridge of the nose, which stands out, so the yaw moves it further than the face."""
    lean = 0.6 * face.nose_height * sin(radians(face.yaw)) / face.nose_length
    return scene.face_x - lean * np.clip(scene.head_y, 0, face.nose_length)


def nose_shadow(scene: Scene, face: FaceAttributes) -> np.ndarray:
    """The soft shadow that the nose casts below itself and away from the light."""
    right, down, _ = light_direction(face)
    below_tip = scene.head_y - face.nose_length
    return bump(nose_x(scene, face) + 0.13 * right, below_tip - 0.05 + 0.04 * down, 0.09, 0.045)


def draw_nostrils(scene: Scene, face: FaceAttributes) -> None:
    """Paint two small dark hollows, and the crease around each wing of the nose."""
    part = scene.face_window(face, face.nose_length, (0.22, 0.12))
    dark = shade_of(face.skin_colour)
    y = part.head_y - face.nose_length - 0.035
    aside = np.abs(nose_x(part, face))
    part.paint(0.8 * bump(aside - 0.5 * face.nose_width, y, 0.026, 0.015), dark)
    across = aside - 0.6 * face.nose_width
    wing = np.abs(np.sqrt(across * across + (y + 0.015) ** 2) - 0.45 * face.nose_width)
    outside = np.clip((aside - 0.7 * face.nose_width) * (3 / face.nose_width), 0, 1)
    part.paint(0.45 * part.cover(wing - 0.004, 0.022) * outside, dark)


def shade_of(colour: Colour) -> Colour:
    """The colour of skin in creases and hollows, where hardly any light falls."""
    red, green, blue = colour
    return 0.42 * red, 0.29 * green, 0.26 * blue


def draw_eyes(scene: Scene, face: FaceAttributes) -> None:
    """Paint white, iris, pupil and glint between two lids, the upper one with lashes and a crease."""
    part = scene.face_window(face, 0.0, (0.46, 0.14))
    x = np.abs(part.face_x) - face.eye_distance
    y = part.head_y + face.eye_tilt * x
    arch = face.eye_openness * (1 - (x * (1 / face.eye_width)) ** 2)
    upper, lower = -0.062 * arch, 0.040 * arch
    opening = part.cover(np.maximum(upper - y, y - lower))
    within = part.cover(np.abs(x) - face.eye_width, 0.03)
    shade = shade_of(face.skin_colour)
    part.paint(0.35 * within * part.cover(np.abs(y - upper + 0.035) - 0.006, 0.025), shade)
    part.paint(0.40 * within * part.cover(np.abs(y - lower) - 0.004, 0.022), shade)
    part.paint_lit(opening, (0.97, 0.95, 0.94))
    draw_irises(part, face, x, opening)
    part.paint(0.45 * opening * np.exp(np.maximum(y - upper, 0) * -45), (0.12, 0.08, 0.07))
    lashes = part.cover(np.abs(y - upper) - (0.006 + 0.009 * face.lashes), 0.012)
    part.paint((0.5 + 0.5 * face.lashes) * within * lashes, (0.10, 0.06, 0.05))


def draw_irises(part: Scene, face: FaceAttributes, outwards: np.ndarray, opening: np.ndarray) -> None:
    """Paint the iris of each eye, turned by the gaze and seen through ``opening``.

    ``outwards`` is the distance from the centre of the eye, away from the nose on both sides.
    """
    right, down = face.gaze
    x = outwards * np.sign(part.face_x) - 0.28 * face.eye_width * right
    y = part.head_y + 0.008 - 0.016 * down
    radius = np.sqrt(x * x + y * y)
    red, green, blue = face.iris_colour
    part.paint(opening * part.cover(radius - 0.058), (0.45 * red, 0.45 * green, 0.45 * blue))
    part.paint(opening * part.cover(radius - 0.049, 0.02), face.iris_colour)
    part.paint(opening * part.cover(radius - 0.025, 0.012), (0.02, 0.02, 0.02))
    to_light = 0.022 if face.light_azimuth > 0 else -0.022
    glint = np.sqrt((x - to_light) ** 2 + (y + 0.020) ** 2)
    part.paint(opening * part.cover(glint - 0.014, 0.012), (1.0, 1.0, 1.0))


def draw_brows(scene: Scene, face: FaceAttributes) -> None:
    """Paint a soft stroke above each eye that gets thinner towards the temple."""
    part = scene.face_window(face, -face.brow_height, (0.50, 0.12))
    x = np.abs(part.face_x) - face.eye_distance
    along = x * (1 / (1.35 * face.eye_width))
    y = part.head_y + face.brow_height + face.brow_tilt * x - 0.045 * face.brow_arch * along * along
    taper = np.clip(0.85 - 0.4 * along, 0, 1) * np.sqrt(np.maximum(1.05 - along * along, 0))
    ends = part.cover(np.abs(along) - 1, 0.2)
    part.paint_lit(0.9 * part.cover(np.abs(y) - face.brow_thickness * taper, 0.022) * ends, face.brow_colour)


def draw_mouth(scene: Scene, face: FaceAttributes) -> None:
    """Paint two lips, and between them a dark line or, if the mouth is open, the teeth."""
    part = scene.face_window(face, face.mouth_height, (0.26, 0.18))
    along = part.face_x * (1 / face.mouth_width)
    span = np.maximum(1 - along * along, 0)
    y = part.head_y - face.mouth_height + 0.075 * face.smile * (along * along - 0.4)
    gap = 0.055 * face.mouth_opening * span
    within = part.cover(np.abs(along) - 0.97, 0.08)
    upper_edge = -0.5 * gap - (0.046 * face.lip_fullness) * (1 - 0.28 * np.exp(along * along * -25)) * span
    lower_edge = gap + 0.060 * face.lip_fullness * span
    lips = within * part.cover(np.maximum(upper_edge - y, y - lower_edge), 0.014)
    part.paint_lit(lips, face.lip_colour)
    red, green, blue = face.lip_colour
    part.paint_lit(0.45 * lips * part.cover(y, 0.03), (0.72 * red, 0.66 * green, 0.66 * blue))
    gloss = bump(part.face_x, y - 0.5 * lower_edge - 0.4 * gap, 0.09, 0.018)
    part.paint(0.22 * lips * gloss, (1.0, 0.93, 0.9))
    inside = within * part.cover(np.maximum(-0.5 * gap - y, y - gap) - 0.004, 0.012)
    part.paint(0.85 * inside, (0.25, 0.08, 0.07))
    if face.mouth_opening > 0:
        teeth = part.cover(np.maximum(0.004 - 0.5 * gap - y, y - 0.55 * gap), 0.012)
        part.paint_lit(teeth * part.cover(np.abs(along) - 0.8, 0.2), (0.95, 0.93, 0.89))
