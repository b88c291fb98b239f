"""What a face is made of: a seed, perhaps mixed with another, and moved along directions."""

import re
from dataclasses import dataclass

import numpy as np

from facegan_tf.common.errors import InputError
from facegan_tf.serving.generator import SEED_LIMIT
from facegan_tf.serving.interpolation import slerp
from facegan_tf.serving.served_model import ServedModel

REACH = 6.0
"""Longest distance that a face can be moved along a direction, in standard deviations of a latent."""


@dataclass(frozen=True)
class Face:
    """The recipe of one face."""

    seed: int
    truncation: float = 1.0
    mix: int | None = None
    """Seed of the face that it is mixed with."""
    share: float = 0.5
    """Share of that face: 0 gives the face of `seed`, 1 that of `mix`."""
    moves: tuple[tuple[int, float], ...] = ()
    """(number of a direction, counted from 0, distance) pairs."""

    def latents(self, model: ServedModel) -> np.ndarray:
        """Its latents, float32 [1, L]. Raises InputError for a direction that the model lacks."""
        if self.mix is None:
            latents = model.generator.latents([self.seed])
        else:
            start, end = model.generator.latents([self.seed, self.mix])
            latents = slerp(start, end, self.share).astype(np.float32)[np.newaxis]
        latents = latents * np.float32(self.truncation)
        vectors = model.directions.vectors
        for number, distance in self.moves:
            if number >= len(vectors):
                raise InputError(
                    "directions", number, f"must be below {len(vectors)}, the number of directions"
                )
            latents = latents + np.float32(distance) * vectors[number]
        return latents


def parse_seeds(text: str, most: int) -> list[int]:
    """The seeds in a list such as `1-36` or `1,2,7-9`.

    Raises InputError if it isn't such a list, or names more than `most` seeds. Ranges are counted before they
    are expanded.
    """
    seeds: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"([0-9]{1,19})(?:-([0-9]{1,19}))?", part.strip())
        if not match:
            problem = "must be whole numbers and ranges, separated by commas, such as 1,2,7-9"
            raise InputError("seeds", text[:60], problem)
        first = int(match[1])
        last = int(match[2] or first)
        if not first <= last < SEED_LIMIT:
            problem = "must be below 2^63, and ranges must not run backwards"
            raise InputError("seeds", part.strip(), problem)
        if len(seeds) + last - first + 1 > most:
            raise InputError("seeds", text[:60], f"names more than {most:,} faces; ask for fewer at a time")
        seeds.extend(range(first, last + 1))
    return seeds


def parse_moves(text: str) -> tuple[tuple[int, float], ...]:
    """The moves in a list such as `0:1.5,3:-2`: direction 0 by 1.5 and direction 3 by -2.

    Raises InputError for anything else.
    """
    return tuple(_move(text, part) for part in text.split(",")) if text else ()


def _move(text: str, part: str) -> tuple[int, float]:
    match = re.fullmatch(r"([0-9]{1,3}):(-?[0-9]{1,3}(?:\.[0-9]{1,6})?)", part.strip())
    if not match or abs(float(match[2])) > REACH:
        problem = f"must be pairs NUMBER:DISTANCE such as 0:1.5,3:-2, with distances up to {REACH:g}"
        raise InputError("directions", text[:60], problem)
    return int(match[1]), float(match[2])
