"""The nets: one module per `networks.family`, with `build_generator` and `build_discriminator`."""

import importlib
from types import ModuleType


def family_module(family: str) -> ModuleType:
    """The module that builds the nets of a family."""
    return importlib.import_module(f"{__name__}.{family}")
