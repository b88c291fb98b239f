"""Near-duplicates: faces whose perceptual hashes differ in few bits.

The hash is pHash with 16 x 16 coefficients of the cosine transform, 256 bits, from the package ImageHash:
aligned faces share their coarsest structure, so with 64 bits different people would look the same.
"""

import itertools
from array import array
from typing import NamedTuple

from facegan_tf.common.errors import InputError

HASH_BYTES = 32
_SIDE = 16


class Near(NamedTuple):
    """An earlier face."""

    place: int
    """Its index among the faces added so far."""
    bits: int
    """The number of bits in which its hash differs."""


def require_hash() -> None:
    """Raise InputError if the package that computes the hashes is not installed."""
    try:
        import imagehash  # noqa: F401, an optional package
    except ImportError:
        problem = "looking for near-duplicates needs the extra `dedupe`: pip install 'facegan_tf[dedupe]'"
        raise InputError("dedupe", None, problem) from None


def perceptual_hash(pixels: bytes, size: int) -> bytes:
    """The 32 bytes of the hash of a face of `size` x `size` pixels (RGB, uint8)."""
    import imagehash
    import numpy as np
    from PIL import Image

    bits = imagehash.phash(Image.frombytes("RGB", (size, size), pixels), hash_size=_SIDE).hash
    return np.packbits(bits).tobytes()


class SeenFaces:
    """The hashes of all faces so far, with a fast search for a near one.

    Two hashes that differ in at most d bits are equal in at least one of d + 1 pieces, so only those that
    share a piece are compared: M. Norouzi, A. Punjani, D. Fleet, "Fast Search in Hamming Space with
    Multi-Index Hashing" (2012).
    """

    def __init__(self, hashes: bytes = b"") -> None:
        """hashes: those of the faces so far, one after the other."""
        self._hashes = [
            int.from_bytes(hashes[start : start + HASH_BYTES], "big")
            for start in range(0, len(hashes), HASH_BYTES)
        ]
        self._index: list[dict[int, array[int]]] = []

    def add(self, hashed: bytes) -> None:
        """Add a face."""
        self._hashes.append(int.from_bytes(hashed, "big"))
        if self._index:
            self._enter(len(self._hashes) - 1)

    def nearest(self, hashed: bytes, most_bits: int) -> Near | None:
        """The nearest face, or the first of several, at most `most_bits` away; None if there is none."""
        if len(self._index) != most_bits + 1:
            self._index = [{} for _ in range(most_bits + 1)]
            for place in range(len(self._hashes)):
                self._enter(place)
        bits = int.from_bytes(hashed, "big")
        places = {
            place
            for piece, table in zip(self._pieces(bits), self._index, strict=True)
            for place in table.get(piece, ())
        }
        found = min(((self._hashes[place] ^ bits).bit_count(), place) for place in places) if places else None
        return Near(found[1], found[0]) if found and found[0] <= most_bits else None

    def _enter(self, place: int) -> None:
        for piece, table in zip(self._pieces(self._hashes[place]), self._index, strict=True):
            table.setdefault(piece, array("I")).append(place)

    def _pieces(self, bits: int) -> list[int]:
        count = len(self._index)
        ends = [8 * HASH_BYTES * k // count for k in range(count + 1)]
        return [bits >> start & (1 << end - start) - 1 for start, end in itertools.pairwise(ends)]
