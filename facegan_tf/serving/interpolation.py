"""Turns one face into another: spherical interpolation between their latents."""

import numpy as np

from facegan_tf.common.errors import InputError


def slerp(start: np.ndarray, end: np.ndarray, share: float) -> np.ndarray:
    """Return the latent at `share` (0 to 1) of the way from `start` to `end`, all [L], along a great circle.

    N(0, 1) latents lie near a sphere. A straight line between two of them would cut through its empty
    middle, where faces are dull. Between latents that (almost) point the same way, or opposite ways, no
    great circle is defined, and a straight line is used. Source: Shoemake, "Animating rotation with
    quaternion curves", 1985.
    """
    lengths = np.linalg.norm(start) * np.linalg.norm(end)
    cosine = np.dot(start, end) / lengths if lengths else 1.0
    angle = np.arccos(np.clip(cosine, -1.0, 1.0))
    if np.sin(angle) < 1e-6:
        return (1 - share) * start + share * end
    return (np.sin((1 - share) * angle) * start + np.sin(share * angle) * end) / np.sin(angle)


def round_trip(latents: np.ndarray, frames: int) -> np.ndarray:
    """Interpolate from each latent to the next, and from the last to the first: [N, L] -> [N * frames, L].

    latents: float [N, L], with N at least 1. frames: 1 or more; each latent is followed by `frames` - 1
    others, evenly spaced by `slerp`, on the way to the next. The result, float32, does not repeat the first
    latent at its end, so a loop over it doesn't pause there.

    Raises InputError for another shape, or if `frames` is below 1.
    """
    latents = np.asarray(latents)
    if latents.ndim != 2 or not len(latents):
        raise InputError(
            "latents", list(latents.shape), "is their shape; it must be [N, L], with N at least 1"
        )
    if frames < 1:
        raise InputError("frames", frames, "must be 1 or more")
    pairs = zip(latents, np.roll(latents, -1, axis=0), strict=True)
    return np.stack(
        [slerp(start, end, k / frames) for start, end in pairs for k in range(frames)], dtype=np.float32
    )
