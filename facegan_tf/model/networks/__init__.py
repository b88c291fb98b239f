"""The nets: a file a family, each with its `build_generator` and `build_discriminator`."""

from facegan_tf.model.networks import dcgan, deepconv

FAMILIES = {"dcgan": dcgan, "deepconv": deepconv}
"""The module of each `networks.family`."""
