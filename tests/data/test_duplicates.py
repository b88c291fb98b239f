"""The search for near-duplicates, compared with one that looks at every earlier face."""

from hypothesis import given
from hypothesis import strategies as st

from facegan_tf.data.duplicates import HASH_BYTES, Near, SeenFaces

BASES = st.sampled_from([bytes(HASH_BYTES), bytes(range(HASH_BYTES)), b"\xff" * HASH_BYTES])


@st.composite
def hashes(draw: st.DrawFn) -> bytes:
    """One of three hashes, with a few bits changed anywhere."""
    bits = int.from_bytes(draw(BASES), "big")
    for place in draw(st.sets(st.integers(0, 8 * HASH_BYTES - 1), max_size=6)):
        bits ^= 1 << place
    return bits.to_bytes(HASH_BYTES, "big")


def distance(one: bytes, other: bytes) -> int:
    return sum((a ^ b).bit_count() for a, b in zip(one, other, strict=True))


@given(st.lists(hashes(), max_size=12), hashes(), st.integers(0, 12), st.integers(0, 12))
def test_the_nearest_face_is_found_or_the_first_of_several(
    earlier: list[bytes], new: bytes, most_bits: int, restored: int
) -> None:
    seen = SeenFaces(b"".join(earlier[:restored]))
    seen.nearest(new, most_bits)  # what comes later is added to an index that is in use
    for hashed in earlier[restored:]:
        seen.add(hashed)
    near = [Near(place, distance(hashed, new)) for place, hashed in enumerate(earlier)]
    near = [each for each in near if each.bits <= most_bits]
    expected = min(near, key=lambda each: (each.bits, each.place)) if near else None
    assert seen.nearest(new, most_bits) == expected
