"""Nets in float64, which tells rounding apart from other differences."""

import pytest

from facegan_tf.config.settings import Config
from facegan_tf.model.build import build_gan
from tests.helpers.configs import tiny_dcgan, tiny_settings
from tests.parity.package_run import precision

DCGAN = tiny_dcgan().networks.model_dump()
DCGAN["discriminator"] |= {"normalisation": "none", "minibatch_std": True}
DCGAN["discriminator"] |= {"colour_gain": 6.0, "detail_gain": 3.0}
RESIDUAL = {"family": "residual", "latent_dim": 4, "channels": [16, 16, 16, 16], "blocks": 1}


@pytest.mark.parametrize("networks", [{}, {"networks": DCGAN}, {"networks": RESIDUAL}])
def test_no_layer_computes_with_fewer_digits_than_keras_floatx(networks: dict) -> None:
    objective = tiny_settings()["objective"] | {"batching": "split"}
    with precision("float64"):
        gan = build_gan(Config.model_validate(tiny_settings() | networks | {"objective": objective}))
        for net in (gan.generator, gan.discriminator):
            assert {layer.compute_dtype for layer in net.layers} == {"float64"}
            assert net.output.dtype == "float64"
