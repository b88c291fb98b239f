"""Every metric by name, in the order in which scores are shown."""

from collections.abc import Iterable, Sequence

from facegan_tf.common.errors import InputError
from facegan_tf.evaluation.density_coverage import COVERAGE, DENSITY
from facegan_tf.evaluation.fid import FID
from facegan_tf.evaluation.kid import KID
from facegan_tf.evaluation.metric import Metric
from facegan_tf.evaluation.mind import MIND
from facegan_tf.evaluation.ms_ssim import MS_SSIM
from facegan_tf.evaluation.precision_recall import PRECISION, RECALL
from facegan_tf.evaluation.psnr import PSNR
from facegan_tf.evaluation.swd import SWD

METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (FID, KID, MIND, PRECISION, RECALL, DENSITY, COVERAGE, SWD, MS_SSIM, PSNR)
}


def in_order(names: Sequence[str]) -> list[str]:
    """The names once each, in the order of METRICS. Raises InputError for an unknown name."""
    for name in names:
        if name not in METRICS:
            raise InputError("metrics", name, f"no such metric; choose from {', '.join(METRICS)}")
    return [name for name in METRICS if name in names]


def minimum_count(names: Iterable[str]) -> int:
    """Fewest images that each side must have for all the metrics of these names."""
    return max(METRICS[name].min_count for name in names)


def metric_of(score: str) -> Metric | None:
    """The metric that a score belongs to: KID for `kid` and `kid_std`; None if it is unknown here."""
    return METRICS.get(score) or next(
        (metric for name, metric in METRICS.items() if score.startswith(f"{name}_")), None
    )


def parts_of(scores: dict[str, float], name: str) -> dict[str, float]:
    """The further numbers of a metric among the scores, by suffix: `{"std": 0.1}` for `kid`."""
    prefix = f"{name}_"
    return {key.removeprefix(prefix): value for key, value in scores.items() if key.startswith(prefix)}
