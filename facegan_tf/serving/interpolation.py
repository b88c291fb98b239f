"""The way from face to face: spherical interpolation of latents."""

import numpy as np


def slerp(start: np.ndarray, end: np.ndarray, share: float) -> np.ndarray:
    """The latent at `share` (0..1) of the way from `start` to `end`, both [L], along a great circle.

    Shoemake, "Animating rotation with quaternion curves", 1985. N(0, 1) latents lie near a sphere, and
    a straight line between two would cut through its empty middle, where the faces are dull. For
    latents (almost) in line with each other the circle is not defined, and the line is taken.
    """
    lengths = np.linalg.norm(start) * np.linalg.norm(end)
    cosine = np.dot(start, end) / lengths if lengths else 1.0
    angle = np.arccos(np.clip(cosine, -1.0, 1.0))
    if np.sin(angle) < 1e-6:
        return (1 - share) * start + share * end
    return (np.sin((1 - share) * angle) * start + np.sin(share * angle) * end) / np.sin(angle)


def round_trip(latents: np.ndarray, frames: int) -> np.ndarray:
    """The latents of a way through all of `latents` and back to the first: [N, L] -> float32 [N * frames, L].

    Each is followed by `frames` - 1 others, evenly spaced by `slerp` on the way to the next. The first isn't
    repeated at the end, so that a loop over them doesn't halt there.
    """
    ways = zip(latents, np.roll(latents, -1, axis=0), strict=True)
    return np.stack(
        [slerp(start, end, k / frames) for start, end in ways for k in range(frames)], dtype=np.float32
    )
