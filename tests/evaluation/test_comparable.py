"""Which scores can be compared."""

import copy
import json

import pytest

from facegan_tf.evaluation.comparable import differences, measure_of, same_measure
from tests.helpers.fake_run import evaluation

FACTS = {
    "images of each side": ("generated", "count"),
    "pixels": ("generated", "size"),
    "reference (fingerprint)": ("reference", "fingerprint"),
    "feature network (SHA-256)": ("features", "sha256"),
    "range of the network's input": ("features", "range"),
    "resizing for the network": ("features", "resize"),
}
IRRELEVANT = [
    ("generated", "path"),
    ("generated", "weights"),
    ("generated", "weights_sha256"),
    ("reference", "path"),
    ("features", "name"),
]


def changed(record, block, key, value="another"):
    other = copy.deepcopy(record)
    other[block][key] = value
    return other


@pytest.mark.parametrize("fact", FACTS)
def test_scores_can_be_compared_only_if_every_fact_is_the_same(fact):
    record = evaluation()
    other = changed(record, *FACTS[fact])
    assert same_measure(record, copy.deepcopy(record))
    assert not same_measure(record, other) and not same_measure(other, record)
    assert list(differences([record, other])) == [fact]


@pytest.mark.parametrize(("block", "key"), IRRELEVANT)
def test_what_scores_dont_depend_on_makes_no_difference(block, key):
    assert same_measure(evaluation(), changed(evaluation(), block, key))


def test_scores_with_and_without_a_network_cant_be_compared():
    assert not same_measure(evaluation(), evaluation() | {"features": None})


def test_a_metrics_settings_count_where_both_computed_it():
    one = evaluation() | {"settings": {"kid": {"subsets": 1}}}
    other = evaluation() | {"settings": {"kid": {"subsets": 100}}}
    without = evaluation() | {"settings": {"psnr": {"reals": 40}}}
    assert differences([one, other, without]) == {"kid: subsets": [1, 100, None]}
    assert not same_measure(one, other)
    assert same_measure(one, without)


def test_the_notes_of_a_best_checkpoint_are_as_good_as_its_record():
    record, other = evaluation(), evaluation(count=30)
    notes = json.loads(json.dumps({"score": 1.0, "by": "fid", "measure": measure_of(record)}))
    assert same_measure(notes, record) and not same_measure(notes, other)
