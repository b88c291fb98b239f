import keras
import numpy as np
import tensorflow as tf

from facegan_tf.model.build import build_gan
from facegan_tf.model.state import nonfinite_variables, state_bytes, state_variables, weights_sha256
from tests.helpers.configs import tiny_config, tiny_dcgan


def test_the_state_has_nets_optimizers_dropout_seeds_and_the_step():
    state = build_gan(tiny_dcgan()).state()  # dropout in both nets
    assert [name for name, part in state.items() if isinstance(part, keras.Model)] == [
        "generator",
        "discriminator",
    ]
    optimizers = {name for name, part in state.items() if isinstance(part, keras.optimizers.Optimizer)}
    assert optimizers == {"generator_optimizer", "discriminator_optimizer"}
    assert (len(state["generator_seeds"]), len(state["discriminator_seeds"])) == (1, 1)
    assert int(state["step"]) == 0


def test_the_names_of_variables_say_which_part_they_belong_to():
    gan = build_gan(tiny_dcgan())
    variables = state_variables(gan)
    assert {name.split("/")[0] for name in variables} <= set(gan.state())
    assert len({id(variable) for variable in variables.values()}) == len(variables)


def test_state_names_every_variable_that_a_step_changes():
    gan = build_gan(tiny_dcgan())
    parts = (gan.critic, gan.combined, gan.critic.optimizer, gan.combined.optimizer)
    everything = {id(each.value): each.value for part in parts for each in part.variables}
    before = {key: variable.numpy() for key, variable in everything.items()}
    gan.train_on_batch(tf.zeros([4, 32, 32, 3]), tf.ones([4, 4]), tf.ones([4, 4]))
    changed = {key for key, variable in everything.items() if (variable.numpy() != before[key]).any()}
    known = {id(variable) for variable in state_variables(gan).values()}
    assert changed
    assert changed <= known


def test_the_hash_is_that_of_the_nets_weights_alone():
    gan, same = build_gan(tiny_config()), build_gan(tiny_config())
    assert weights_sha256(gan) == weights_sha256(same)
    same.clock.step.assign_add(1)
    same.critic.optimizer.variables[0].assign(7)
    assert weights_sha256(gan) == weights_sha256(same)
    for net in (same.generator, same.discriminator):
        before, weights = weights_sha256(same), net.get_weights()
        net.set_weights([weights[0] + 1e-3, *weights[1:]])
        assert weights_sha256(same) != before


def test_bytes_are_those_of_all_variables():
    gan = build_gan(tiny_config())
    assert state_bytes(gan) == sum(variable.numpy().nbytes for variable in state_variables(gan).values())
    assert state_bytes(gan) > 4 * (gan.generator.count_params() + gan.discriminator.count_params())


def test_bad_numbers_are_found_in_nets_and_optimizers():
    gan = build_gan(tiny_config())
    assert nonfinite_variables(gan) == {}
    kernel = gan.generator.trainable_variables[0]
    kernel.assign(keras.ops.full(kernel.shape, float("nan")))
    slot = gan.critic.optimizer.variables[-1]
    values = np.zeros(slot.shape, "float32")
    values.flat[0] = np.inf
    slot.assign(values)
    count = kernel.value.numpy().size
    assert list(nonfinite_variables(gan).values()) == [
        {"nan": count, "infinite": 0, "in_all": count},
        {"nan": 0, "infinite": 1, "in_all": values.size},
    ]
