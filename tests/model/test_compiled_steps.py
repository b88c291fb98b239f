"""Several steps in one call: they are those of `train_on_batch`, bit for bit."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from facegan_tf.data.store import FaceStore
from facegan_tf.data.training_set import TrainingSet
from facegan_tf.model.build import build_gan
from facegan_tf.model.compiled_steps import CompiledSteps
from facegan_tf.model.state import state_variables
from facegan_tf.training.inputs import step_inputs
from tests.helpers.configs import modern_config, tiny_config, tiny_dcgan

pytestmark = pytest.mark.slow

STEPS = 6
CONFIGS = {
    "deepconv": tiny_config(),
    "dcgan": tiny_dcgan(),  # batch normalisation, dropout in both nets, two batches a step
    "critic steps": tiny_dcgan(training={"critic_steps": 2}),
    "modern": modern_config(),
    "modern, bfloat16, critic steps": modern_config(training={"precision": "bfloat16", "critic_steps": 2}),
    "modern, float16": modern_config(training={"precision": "float16"}),
}


def built(config, store_folder):
    """A GAN for a run of STEPS steps, and its inputs."""
    gan = build_gan(config)
    gan.clock.total_steps.assign(STEPS)
    return gan, step_inputs(gan, TrainingSet.of(config, FaceStore.open(store_folder)), seed=3)


@pytest.fixture(autouse=True)
def as_train_does():
    """`train` turns off optimisations that change the order of a sum from graph to graph."""
    off = {"remapping": False, "arithmetic_optimization": False}
    before = {name: tf.config.optimizer.get_experimental_options().get(name, True) for name in off}
    tf.config.optimizer.set_experimental_options(off)
    yield
    tf.config.optimizer.set_experimental_options(before)


def values(gan):
    """(part of the state, value) of each variable."""
    return [(name.split("/")[0], np.asarray(variable)) for name, variable in state_variables(gan).items()]


@pytest.mark.parametrize("name", CONFIGS)
def test_compiled_steps_equal_train_on_batch_to_the_last_bit(store_folder, name):
    one, inputs = built(CONFIGS[name], store_folder)
    start = values(one)
    expected = [one.train_on_batch(*each) for each in itertools.islice(inputs, STEPS)]
    several, inputs = built(CONFIGS[name], store_folder)
    steps = CompiledSteps(several, iter(inputs))
    losses = [step for count in (1, 3, 2) for step in steps(count)]
    assert losses == expected
    assert several.steps_done == one.steps_done == STEPS
    found, wanted = values(several), values(one)
    for (part, mine), (_, theirs) in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(mine, theirs, err_msg=part)
    moved = {part for (part, value), (_, old) in zip(wanted, start, strict=True) if (value != old).any()}
    assert moved == {name for name in one.state() if not name.endswith("_seeds")}  # they are in the nets, too


def test_lazy_penalties_are_in_the_losses_of_their_steps_only(store_folder):
    gan, inputs = built(modern_config(objective={"penalty_every": 2}), store_folder)
    losses = CompiledSteps(gan, iter(inputs))(5)
    lazy, others = {"d_loss", "r1", "r2", "g_loss"}, {"d_loss", "g_loss"}
    assert [set(each) for each in losses] == [others, lazy, others, lazy, others]
    assert all(each["r1"] > 0 and each["r2"] > 0 for each in losses[1::2])


def test_compiled_by_xla_the_steps_are_nearly_the_same(store_folder):
    nets = {"discriminator": {"channels": 4, "dropout": 0.0}}  # XLA draws other masks
    plain, inputs = built(tiny_config(networks=nets), store_folder)
    expected = CompiledSteps(plain, iter(inputs))(2)
    jit, inputs = built(tiny_config(networks=nets, training={"jit": True}), store_folder)
    steps = CompiledSteps(jit, iter(inputs))
    for mine, theirs in zip(steps(2), expected, strict=True):
        assert mine == pytest.approx(theirs, rel=1e-3)
    graph = steps._run.get_concrete_function(tf.constant(2)).graph.as_graph_def()
    compiled = [function for function in graph.library.function if function.attr["_XlaMustCompile"].b]
    assert len(compiled) >= 2  # a step of each net
