from typing import get_args

import pytest
import tensorflow as tf

from facegan_tf.config.objective import ObjectiveSettings
from facegan_tf.model.build import build_gan
from facegan_tf.model.objectives.objective import Curve, build_objective
from facegan_tf.model.run_clock import RunClock
from tests.helpers.configs import tiny_config

LOSSES = get_args(ObjectiveSettings.model_fields["loss"].annotation)


@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_of_the_settings_can_be_built(loss):
    objective = build_objective(ObjectiveSettings(loss=loss), RunClock(4))
    assert objective.curves["d_loss"].label == "discriminator"
    assert objective.loss.unit


def test_a_further_term_is_minimised_and_logged_under_its_own_name(monkeypatch):
    gan = build_gan(tiny_config(networks={"discriminator": {"channels": 4, "dropout": 0.0}}))
    plain = build_gan(gan.config)
    own_terms = gan.objective.discriminator_terms

    def with_decay(batch):
        decay = sum(tf.reduce_sum(tf.square(v)) for v in batch.discriminator.trainable_variables)
        return own_terms(batch) | {"decay": 0.5 * decay}

    monkeypatch.setattr(gan.objective, "discriminator_terms", with_decay)
    reals, latents = tf.zeros([4, 32, 32, 3]), tf.ones([4, 4])
    expected = plain.train_on_batch(reals, latents, latents)
    losses = gan.train_on_batch(reals, latents, latents)
    assert list(losses) == ["d_loss", "decay", "g_loss"]
    assert losses["d_loss"] == pytest.approx(expected["d_loss"])  # the term has a place of its own
    moved = [
        bool((a.numpy() != b.numpy()).any())
        for a, b in zip(gan.discriminator.variables, plain.discriminator.variables, strict=True)
    ]
    assert any(moved)


def test_curves_name_what_a_step_returns():
    gan = build_gan(tiny_config())
    losses = gan.train_on_batch(tf.zeros([4, 32, 32, 3]), tf.ones([4, 4]), tf.ones([4, 4]))
    assert list(losses) == list(gan.objective.curves)
    assert gan.objective.curves["g_loss"] == Curve("generator", "binary cross-entropy")
