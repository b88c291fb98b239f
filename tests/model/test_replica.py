"""What a replica draws: its rows of what one device would draw for the whole batch."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from facegan_tf.common.errors import InputError
from facegan_tf.common.share import Share
from facegan_tf.config.augment import AugmentSettings
from facegan_tf.model.augment import Augmentation
from facegan_tf.model.build import build_gan
from facegan_tf.model.layers.dropout import Dropout
from facegan_tf.model.layers.whole_batch import check_layers
from facegan_tf.model.replica import Replica, add_up, computing_on, part_of_mean
from facegan_tf.model.run_clock import RunClock
from tests.helpers.configs import tiny_dcgan

BATCH, OF = 6, 3


def by_share(call, values, batches=1):
    """What each of three replicas computes of its rows, put together as one device has them."""
    results = np.zeros(values.shape, np.float32)
    for number in range(OF):
        rows = Share(number, OF).rows(BATCH, batches)
        with computing_on(Replica(Share(number, OF), BATCH)):
            results[rows.numpy()] = call(tf.gather(values, rows))
    return results


@pytest.mark.parametrize("batches", [1, 2])  # the fakes alone; the fakes and the reals
def test_dropout_drops_what_one_device_would_drop(batches):
    values = tf.random.normal([batches * BATCH, 50])

    def drop(some):
        return Dropout(0.4, seed=7)(some, training=True)  # a new one each time: in its first step

    whole = drop(values).numpy()
    assert 0.2 < (whole == 0).mean() < 0.6
    np.testing.assert_array_equal(by_share(drop, values, batches), whole)


def test_dropout_leaves_everything_outside_training():
    layer = Dropout(0.4, seed=7)
    with computing_on(Replica(Share(1, 2), 4)):
        np.testing.assert_array_equal(layer(tf.ones([2, 3]), training=False), np.ones([2, 3]))


def test_augmentation_changes_images_as_one_device_would():
    settings = AugmentSettings(kinds=["flip", "colour", "translation", "cutout"], strength=0.7)
    layer = Augmentation(settings, RunClock(BATCH), seed=3, part=0)
    images = tf.random.uniform([BATCH, 16, 16, 3], -1.0, 1.0)
    whole = layer(images).numpy()
    assert (whole != images.numpy()).any()
    np.testing.assert_array_equal(by_share(layer, images), whole)


def test_one_replica_has_its_own_values_as_means():
    value = tf.constant(3.0)
    assert part_of_mean(value) is value and add_up([value])[0] is value


def test_layers_that_would_compute_on_each_device_alone_are_refused():

    gan = build_gan(tiny_dcgan())
    check_layers(gan.generator)
    check_layers(gan.discriminator)
    for layer in (
        keras.layers.GaussianNoise(0.1),
        keras.layers.BatchNormalization(),
        keras.layers.Dropout(0.1),
    ):
        with pytest.raises(InputError, match=layer.name):
            check_layers(keras.Sequential([keras.Input([4]), layer]))
