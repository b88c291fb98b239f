"""Which metric chooses the best checkpoint."""

import pytest

from facegan_tf.common.errors import InputError
from facegan_tf.config.settings import EvaluationSettings
from facegan_tf.evaluation.best import best_metric
from facegan_tf.evaluation.metrics import METRICS

DIRECTED = [name for name, metric in METRICS.items() if metric.better]


@pytest.mark.parametrize(("features", "name"), [("none", "swd"), ("inception", "fid")])
def test_the_default_depends_on_the_network(features, name):
    assert best_metric(EvaluationSettings(features=features)).name == name


@pytest.mark.parametrize("name", DIRECTED)
def test_every_metric_with_a_direction_can_choose(name):
    assert best_metric(EvaluationSettings(features="inception", best_by=name)) is METRICS[name]


@pytest.mark.parametrize("name", [*sorted(set(METRICS) - set(DIRECTED)), "zebra"])
def test_other_names_are_refused(name):
    with pytest.raises(InputError) as caught:
        best_metric(EvaluationSettings(features="inception", best_by=name))
    assert (caught.value.name, caught.value.value) == ("evaluation.best_by", name)
    assert all(choice in caught.value.problem for choice in DIRECTED)


@pytest.mark.parametrize("name", [name for name in DIRECTED if METRICS[name].needs_features])
def test_without_a_network_a_metric_that_needs_one_is_refused(name):
    with pytest.raises(InputError) as caught:
        best_metric(EvaluationSettings(features="none", best_by=name))
    assert (caught.value.name, caught.value.value) == ("evaluation.best_by", name)
    assert "evaluation.features" in caught.value.problem and "swd" in caught.value.problem
