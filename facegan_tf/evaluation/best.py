"""Which metric chooses a run's best checkpoint."""

from facegan_tf.common.errors import InputError
from facegan_tf.config.settings import EvaluationSettings
from facegan_tf.evaluation.feature_networks import NO_NETWORK
from facegan_tf.evaluation.fid import FID
from facegan_tf.evaluation.metric import Metric
from facegan_tf.evaluation.metrics import METRICS
from facegan_tf.evaluation.swd import SWD


def best_metric(settings: EvaluationSettings) -> Metric:
    """The metric of `evaluation.best_by`; by default FID, or SWD without a feature network.

    Raises InputError if it is unknown, can't be computed as configured, or has no direction that is better.
    """
    has_network = settings.features != NO_NETWORK
    if settings.best_by is None:
        return FID if has_network else SWD
    metric = METRICS.get(settings.best_by)
    choices = [each.name for each in METRICS.values() if each.better and each.while_training]
    if metric is None or metric.name not in choices:
        raise InputError("evaluation.best_by", settings.best_by, f"must be {_one_of(choices)}")
    if metric.needs_features and not has_network:
        usable = [name for name in choices if not METRICS[name].needs_features]
        problem = f"needs a feature network; set evaluation.features too, or choose {_one_of(usable)}"
        raise InputError("evaluation.best_by", settings.best_by, problem)
    return metric


def _one_of(names: list[str]) -> str:
    return " or ".join((", ".join(names[:-1]), names[-1])) if len(names) > 1 else names[0]
