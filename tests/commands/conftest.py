"""A run for the commands that take one."""

from pathlib import Path

import pytest

from facegan_tf import train
from tests.helpers.configs import tiny_config


@pytest.fixture(scope="session")
def run(store_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of 6 steps, with checkpoints at 3 and 6. No test changes it."""
    return train(tiny_config(store_folder), tmp_path_factory.mktemp("runs") / "run")
