import numpy as np
import tensorflow as tf

from facegan_tf.model.objectives.bce import Loss
from tests.helpers.configs import tiny_config


def test_label_noise_is_added_to_each_target_of_the_discriminator():
    loss = Loss(tiny_config().objective)
    noise = np.linspace(0, 1, 6, dtype="float32")[:, None]
    targets = loss.discriminator_targets(tf.constant(noise))
    np.testing.assert_allclose(targets[:, 0], [1.0, 1.01, 1.02, 0.03, 0.04, 0.05])


def test_without_noise_the_targets_are_the_settings():
    loss = Loss(tiny_config().objective)
    assert loss.discriminator_targets(tf.zeros([6, 1]))[:, 0].numpy().tolist() == [1, 1, 1, 0, 0, 0]
