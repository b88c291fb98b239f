"""MS-SSIM between pairs of images of one set: the more alike they are, the less variety the set has.

Wang, Simoncelli and Bovik, "Multiscale structural similarity for image quality assessment", 2003. Its use on
pairs of generated images: Odena, Olah and Shlens, "Conditional image synthesis with auxiliary classifier
GANs", 2017. Borders and channels are treated as in torchmetrics.
"""

import numpy as np

from facegan_tf.evaluation import filters
from facegan_tf.evaluation.metric import Metric, Score
from facegan_tf.evaluation.sides import Sides

MOST_PAIRS = 1000
PAIRS_AT_ONCE = 50

WEIGHTS = np.array([0.0448, 0.2856, 0.3001, 0.2363, 0.1333])
"""Weights of the scales, from the finest. Images with fewer scales use the first ones, scaled to sum to 1."""
WINDOW = 11
INSIDE = slice(WINDOW // 2, -(WINDOW // 2))
"""The pixels whose window lies entirely inside the image."""
_LUMINANCE, _CONTRAST = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def diversity(images: np.ndarray, seed: int) -> float:
    """Mean MS-SSIM of random pairs of uint8 images [N, S, S, 3], N at least 2; no image is in two pairs.

    At most 1,000 pairs are drawn. The mean is 1 if all images are the same. A generator that scores clearly
    higher than the reals has less variety.
    """
    order = np.random.default_rng(seed).permutation(len(images))
    pairs = min(len(images) // 2, MOST_PAIRS)
    firsts, seconds = order[:pairs], order[pairs : 2 * pairs]
    similarities = [
        ms_ssim(images[firsts[start:stop]], images[seconds[start:stop]])
        for start, stop in ((at, at + PAIRS_AT_ONCE) for at in range(0, pairs, PAIRS_AT_ONCE))
    ]
    return float(np.concatenate(similarities).mean())


def scales(size: int) -> int:
    """Number of scales for images of `size` pixels, at most 5; the coarsest is no smaller than the window."""
    return max(1, sum(size // 2**scale >= WINDOW for scale in range(len(WEIGHTS))))


def ms_ssim(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """MS-SSIM, float64 [N], between each image of `one` and that of `other`, both uint8 [N, S, S, 3].

    Structures that contradict each other (a negative mean at some scale) count as 0: not alike at all.
    """
    weights = WEIGHTS[: scales(one.shape[1])]
    weights = weights / weights.sum()
    one, other = one.astype(np.float64), other.astype(np.float64)
    product = np.ones(len(one))
    for scale, weight in enumerate(weights):
        similarity, structure = _ssim_maps(one, other)
        compared = similarity if scale == len(weights) - 1 else structure[:, INSIDE, INSIDE]
        product *= np.maximum(compared.mean(axis=(1, 2, 3)), 0) ** weight
        one, other = _halved(one), _halved(other)
    return product


def _ssim_maps(one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """SSIM around each pixel, and its contrast-structure term alone, both shaped like `one`."""
    window = filters.mirrored(_gaussian(), one.shape[1])
    mean_one, mean_other, square_one, square_other, product = (
        filters.apply(window, values) for values in (one, other, one**2, other**2, one * other)
    )
    # Rounding can make the variance of a flat patch negative.
    variances = np.maximum(square_one - mean_one**2, 0) + np.maximum(square_other - mean_other**2, 0)
    covariance = product - mean_one * mean_other
    structure = (2 * covariance + _CONTRAST) / (variances + _CONTRAST)
    luminance = (2 * mean_one * mean_other + _LUMINANCE) / (mean_one**2 + mean_other**2 + _LUMINANCE)
    return luminance * structure, structure


def _gaussian() -> np.ndarray:
    places = np.arange(WINDOW) - WINDOW // 2
    weights = np.exp(-(places**2) / (2 * 1.5**2))
    return weights / weights.sum()


def _halved(images: np.ndarray) -> np.ndarray:
    """Means of 2x2 pixels. If the size is odd, the last row and column are dropped."""
    even = images[:, : images.shape[1] // 2 * 2, : images.shape[2] // 2 * 2]
    return (even[:, ::2, ::2] + even[:, 1::2, ::2] + even[:, ::2, 1::2] + even[:, 1::2, 1::2]) / 4


def _score(sides: Sides) -> Score:
    return Score(
        diversity(sides.generated, sides.seed),
        of_reference=diversity(sides.reference, sides.seed),
        settings={
            "pairs": min(len(sides.generated) // 2, MOST_PAIRS),
            "scales": scales(sides.generated.shape[1]),
        },
    )


MS_SSIM = Metric(
    name="ms_ssim",
    meaning="how alike pairs of generated faces are; a score above the reals' own means less variety",
    compute=_score,
    needs_features=False,
    better=None,
)
