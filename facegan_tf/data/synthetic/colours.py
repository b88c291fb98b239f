"""Colours of a drawn face: natural ones for skin, hair and irises, any colours for the rest."""

from math import cos, pi

import numpy as np

Colour = tuple[float, float, float]
"""Red, green and blue in 0..1."""

# From very light to very dark, chosen by eye; a tone in 0..1 interpolates between them.
_SKIN_TONES = (
    (0.90, 0.78, 0.71),
    (0.89, 0.74, 0.64),
    (0.86, 0.68, 0.55),
    (0.79, 0.58, 0.44),
    (0.64, 0.44, 0.32),
    (0.47, 0.31, 0.23),
    (0.33, 0.21, 0.165),
)

_DARK_HAIR = ((0.07, 0.06, 0.06), (0.13, 0.09, 0.07), (0.22, 0.14, 0.09))
_FAIR_HAIR = (
    (0.34, 0.22, 0.14),
    (0.45, 0.30, 0.18),
    (0.60, 0.43, 0.25),
    (0.80, 0.64, 0.41),
    (0.52, 0.23, 0.11),
)
_GREY_HAIR = ((0.50, 0.50, 0.51), (0.80, 0.79, 0.77))

_DARK_IRISES = ((0.16, 0.09, 0.05), (0.27, 0.15, 0.08))
_FAIR_IRISES = ((0.42, 0.28, 0.13), (0.30, 0.42, 0.25), (0.25, 0.45, 0.62), (0.42, 0.50, 0.54))


def blend(first: Colour, second: Colour, weight: float) -> Colour:
    """``first`` at ``weight`` 0, ``second`` at 1."""
    red, green, blue = (a + (b - a) * weight for a, b in zip(first, second, strict=True))
    return red, green, blue


def any_colour(rng: np.random.Generator, darkest: float, brightest: float, saturation: float) -> Colour:
    """A colour of random hue, brightness in darkest..brightest and saturation in 0 (grey)..``saturation``."""
    value, angle = rng.uniform(darkest, brightest), rng.uniform(0, 2 * pi)
    depth = value * rng.uniform(0, saturation)
    red, green, blue = (value - 0.5 * depth * (1 + cos(angle + k * 2 * pi / 3)) for k in range(3))
    return red, green, blue


def skin_colour(rng: np.random.Generator, tone: float) -> Colour:
    """A skin colour of a ``tone`` in 0 (very light)..1 (very dark), randomly a little redder or yellower."""
    place = tone * (len(_SKIN_TONES) - 1)
    step = min(int(place), len(_SKIN_TONES) - 2)
    red, green, blue = blend(_SKIN_TONES[step], _SKIN_TONES[step + 1], place - step)
    return red, green * rng.uniform(0.97, 1.03), blue * rng.uniform(0.93, 1.05)


def hair_colour(rng: np.random.Generator, tone: float) -> Colour:
    """A hair colour, from black to blond, red or grey; fair hair is more frequent with a ``tone`` near 0."""
    draw = rng.uniform()
    if draw < 0.12:
        return _between(rng, _GREY_HAIR)
    # Fair hair is rare with dark skin, but possible: people dye it.
    return _between(rng, _FAIR_HAIR if draw < 0.12 + 0.65 * (1 - tone) ** 1.5 + 0.03 else _DARK_HAIR)


def iris_colour(rng: np.random.Generator, tone: float) -> Colour:
    """An iris colour; blue, green, grey and hazel are more frequent with a ``tone`` near 0, brown else."""
    fair = rng.uniform() < 0.85 * (1 - tone) ** 1.2
    return _between(rng, _FAIR_IRISES if fair else _DARK_IRISES)


def _between(rng: np.random.Generator, colours: tuple[Colour, ...]) -> Colour:
    """A random one of ``colours``, mixed with up to half of another."""
    first, second = rng.integers(len(colours), size=2)
    return blend(colours[first], colours[second], rng.uniform(0, 0.5))
