"""Every metric by its name: what it needs, and how it becomes scores."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from facegan_tf.common.errors import InputError
from facegan_tf.data.store import FaceStore
from facegan_tf.evaluation import density_coverage, fid, kid, ms_ssim, nearest, precision_recall, swd

OF_FEATURES = ("fid", "kid", "precision", "recall", "density", "coverage")
"""Need a feature network."""
OF_PIXELS = ("swd", "ms_ssim", "psnr")
"""Need none."""
ALL = (*OF_FEATURES, *OF_PIXELS)
LEAST = density_coverage.NEIGHBOUR + 1
"""How many images it takes of each side, so that all have the neighbours that are asked for."""


@dataclass
class Sides:
    """Both sides of an evaluation, and what several metrics have from them."""

    generated: np.ndarray
    """uint8 [N, S, S, 3]."""
    store: FaceStore
    """The reference, whose first N images are scored against; PSNR looks through all of them."""
    seed: int
    """Of subsets, pairs, patches and directions."""
    generated_features: np.ndarray | None = None
    """float32 [N, D]."""
    reference_features: np.ndarray | None = None
    """float32 [N, D]."""

    @cached_property
    def reference(self) -> np.ndarray:
        """The reals, uint8 [N, S, S, 3]; as many as are scored."""
        return self.store.gather(np.arange(len(self.generated)))

    @cached_property
    def seen(self) -> np.ndarray:
        """The faces whose nearest reals are looked for: the first ones."""
        return self.generated[: nearest.MOST_FACES]

    @cached_property
    def neighbours(self) -> nearest.Neighbours:
        """The nearest reals of the faces `seen`."""
        return nearest.nearest_reals(self.seen, self.store)

    @property
    def features(self) -> tuple[np.ndarray, np.ndarray]:
        """Of both sides, the generated first."""
        assert self.generated_features is not None and self.reference_features is not None
        return self.generated_features, self.reference_features


@dataclass
class Scores:
    """What the metrics gave: JSON values."""

    scores: dict[str, float] = field(default_factory=dict)
    """By name; some metrics have several."""
    of_reference: dict[str, float] = field(default_factory=dict)
    """What the reals score by themselves, where a score means little without it."""
    settings: dict[str, Any] = field(default_factory=dict)
    """How each was computed."""
    warnings: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    """That each computation took, after the features."""


def check_names(names: Sequence[str]) -> list[str]:
    """The names once each, in their usual order; InputError for one that is unknown."""
    for name in names:
        if name not in ALL:
            raise InputError(f"--metrics {name}: no such metric; there are {', '.join(ALL)}")
    return [name for name in ALL if name in names]


def compute(names: Sequence[str], sides: Sides) -> Scores:
    """The scores of the metrics `names`, of which those of features need both sides' features."""
    result = Scores()
    for members, metric in _METRICS.items():
        if wanted := [name for name in members if name in names]:
            began = time.perf_counter()
            for name, value in metric(sides, result).items():
                if name not in members or name in wanted:
                    result.scores[name] = value
            result.seconds[" and ".join(wanted)] = time.perf_counter() - began
    return result


def _fid(sides: Sides, result: Scores) -> dict[str, float]:
    ours, theirs = (fid.moments(features) for features in sides.features)
    count, needed = min(ours.count, theirs.count), ours.full_rank_count
    if count < needed:
        result.warnings.append(
            f"fid: {count:,} images can't fill {needed - 1:,} dimensions: the covariances "
            f"are rank-deficient, and the score is far too high; --count {needed} is the least, or compare "
            "it with scores of the same count alone"
        )
    return {"fid": fid.frechet_distance(ours, theirs)}


def _kid(sides: Sides, result: Scores) -> dict[str, float]:
    distance = kid.kernel_distance(*sides.features, sides.seed)
    result.settings["kid"] = {"subsets": distance.subsets, "subset_size": distance.subset_size}
    if distance.subsets == 1:
        result.warnings.append(
            f"kid: of {distance.subset_size:,} images there is one subset, all of them: kid_std is 0 "
            "and says nothing"
        )
    return {"kid": distance.mean, "kid_std": distance.std}


def _precision_recall(sides: Sides, result: Scores) -> dict[str, float]:
    result.settings["precision and recall"] = {"k": precision_recall.NEIGHBOUR}
    precision, recall = precision_recall.precision_recall(*sides.features)
    return {"precision": precision, "recall": recall}


def _density_coverage(sides: Sides, result: Scores) -> dict[str, float]:
    result.settings["density and coverage"] = {"k": density_coverage.NEIGHBOUR}
    density, coverage = density_coverage.density_coverage(*sides.features)
    return {"density": density, "coverage": coverage}


def _swd(sides: Sides, result: Scores) -> dict[str, float]:
    most = swd.MOST_IMAGES
    levels = swd.sliced_wasserstein(sides.generated[:most], sides.reference[:most], sides.seed)
    result.settings["swd"] = {
        "times": 1000,
        "patches_an_image": swd.PATCHES_AN_IMAGE,
        "directions": swd.DIRECTIONS,
        "images": min(len(sides.generated), most),
    }
    return {"swd": float(np.mean(list(levels.values()))), **{f"swd_{size}": d for size, d in levels.items()}}


def _ms_ssim(sides: Sides, result: Scores) -> dict[str, float]:
    size = sides.generated.shape[1]
    pairs = min(len(sides.generated) // 2, ms_ssim.MOST_PAIRS)
    result.settings["ms_ssim"] = {"pairs": pairs, "scales": ms_ssim.scales(size)}
    result.of_reference["ms_ssim"] = ms_ssim.diversity(sides.reference, sides.seed)
    return {"ms_ssim": ms_ssim.diversity(sides.generated, sides.seed)}


def _psnr(sides: Sides, result: Scores) -> dict[str, float]:
    result.settings["psnr"] = {"faces": len(sides.seen), "reals": len(sides.store)}
    reals = nearest.nearest_reals(sides.reference[: len(sides.seen)], sides.store)
    result.of_reference["psnr"] = float(reals.psnr[:, 1].mean())  # the nearest of all is the image itself
    return {"psnr": float(sides.neighbours.psnr[:, 0].mean())}


_METRICS: dict[tuple[str, ...], Callable[[Sides, Scores], dict[str, float]]] = {
    ("fid",): _fid,
    ("kid",): _kid,
    ("precision", "recall"): _precision_recall,
    ("density", "coverage"): _density_coverage,
    ("swd",): _swd,
    ("ms_ssim",): _ms_ssim,
    ("psnr",): _psnr,
}
