"""Which images of a store a run learns from, and which it is scored against."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facegan_tf.data.split import Split
from facegan_tf.data.store import FaceStore
from facegan_tf.data.training_set import TrainingSet
from tests.helpers.configs import make_store, tiny_config
from tests.helpers.refusals import refusal

IMAGES = 20


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return FaceStore.open(make_store(tmp_path_factory.mktemp("stores") / "noise", IMAGES, shard_bytes=30_000))


def numbers(store):
    """The number in `make_store` of each image."""
    return store.gather(np.arange(len(store)))[:, 0, 0, 0].tolist()


@given(st.none() | st.integers(1, IMAGES + 5), st.integers(0, IMAGES + 5))
def test_the_first_images_are_learned_from_and_the_last_of_the_limit_held_out(store, limit, held_out):
    config = tiny_config(data={"limit": limit, "held_out": held_out})
    used = list(range(min(limit or IMAGES, IMAGES)))
    if held_out >= len(used):
        with refusal("data.held_out", f"leaves none of {len(used)} images", value=held_out):
            Split.of(config, store)
        return
    split, cut = Split.of(config, store), len(used) - held_out
    assert numbers(split.training) == used[:cut]
    assert numbers(split.reference) == (used[cut:] if held_out else used)
    assert split.held_out == (held_out > 0)


def test_networks_from_another_run_may_have_learned_from_the_images_held_out(store):
    config = tiny_config(data={"held_out": 5}, training={"start_from": "outputs/other"})
    assert Split.of(config, store).held_out is None


def test_a_run_sees_all_images_but_those_held_out(store):
    config = tiny_config(data={"limit": 15, "held_out": 6}, training={"batch_size": 9})
    images = TrainingSet.of(config, store)
    assert len(images) == 9
    seen = {index for step in range(4) for index in images.indices(step).numpy()}
    assert seen == set(range(9))
